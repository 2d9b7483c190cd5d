import { z } from 'zod';
import { GROUP, ManagedFields, type ObjectMeta } from '../../crds/meta.ts';

/** Where the record of fields is kept. Nobody outside sees it, or can write it. */
export const FIELD_RECORD = `${GROUP}/field-record`;

/** What an annotation may hold, with room to spare. */
const MOST_CHARACTERS = 60_000;

const Records = z.array(ManagedFields);

/**
 * Who stated which fields, as recorded here. The store notes who wrote last, without fields; so the record travels in an
 * annotation, in the same write as what it speaks of.
 */
export function readRecords({ annotations }: Pick<ObjectMeta, 'annotations'>): ManagedFields[] {
  const text = annotations?.[FIELD_RECORD];
  if (text === undefined) return [];
  return Records.safeParse(JSON.parse(text)).data ?? [];
}

/** Annotations with the record in them, replacing any that somebody put there. */
export function withRecords(
  annotations: Readonly<Record<string, string>> | undefined,
  records: readonly ManagedFields[],
): Record<string, string> {
  const { [FIELD_RECORD]: _, ...own } = annotations ?? {};
  if (records.length === 0) return own;
  const text = JSON.stringify(records);
  // Whoever wrote longest ago is forgotten first; their fields then belong to nobody.
  return text.length > MOST_CHARACTERS ? withRecords(own, records.slice(1)) : { ...own, [FIELD_RECORD]: text };
}

/** Metadata as it is answered: the record among the managed fields, where it belongs. */
export function shownMetadata(metadata: ObjectMeta): ObjectMeta {
  const { annotations, managedFields = [], ...rest } = metadata;
  const records = readRecords(metadata);
  const recorded = new Set(records.map(({ manager }) => manager));
  const others = managedFields.filter(
    ({ manager, subresource }) => subresource !== undefined || !recorded.has(manager),
  );
  const shown = withRecords(annotations, []);
  const all = [...records, ...others];
  return {
    ...rest,
    ...(Object.keys(shown).length > 0 && { annotations: shown }),
    ...(all.length > 0 && { managedFields: all }),
  };
}
