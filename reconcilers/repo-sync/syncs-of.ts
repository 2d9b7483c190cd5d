import { findCondition } from '../../crds/condition.ts';
import type { Resource } from '../../crds/define-kind.ts';
import { FIELD_RECORD, readRecords } from '../../controller/apply/field-records.ts';
import { sameJson } from '../../controller/same-json.ts';
import type { ObjectKey } from '../../controller/store/store.ts';
import { syncOfManager } from './place.ts';

/** The RepoSyncs that applied an object, when something that they look at changed. */
export function syncsOf(object: Resource, previous: Resource | undefined): ObjectKey[] {
  const { metadata } = object;
  if (!metadata.annotations?.[FIELD_RECORD]?.includes('"reposync/')) return [];
  if (previous && previous !== object && !isNews(object, previous)) return [];
  return readRecords(metadata).flatMap(({ manager }) => syncOfManager(manager, metadata.namespace) ?? []);
}

function isNews(object: Resource, previous: Resource): boolean {
  const [a, b] = [object.metadata, previous.metadata];
  if (a.generation !== b.generation || a.deletionTimestamp !== b.deletionTimestamp) return true;
  if (!sameJson(a.annotations, b.annotations) || !sameJson(a.labels, b.labels)) return true;
  return ['Ready', 'Stalled'].some((type) => {
    const [now, before] = [
      findCondition(object.status.conditions, type),
      findCondition(previous.status.conditions, type),
    ];
    return now?.status !== before?.status || now?.reason !== before?.reason || now?.message !== before?.message;
  });
}
