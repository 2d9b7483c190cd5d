import { z } from 'zod';
import { GROUP, ManagedFields, type ObjectMeta } from '../../crds/meta.ts';
import { sameJson } from '../same-json.ts';
import { fieldOf } from '../json.ts';

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

/** Metadata as it is answered: the record in place of the managed fields, of which the store only knows the names. */
export function shownMetadata(metadata: ObjectMeta): ObjectMeta {
  const { annotations, managedFields = [], ...rest } = metadata;
  const records = readRecords(metadata);
  const others = managedFields
    .filter(({ subresource }) => subresource !== undefined || records.length === 0)
    // kubectl does not survive an entry without fields.
    .map((entry) => ({ ...entry, fieldsType: 'FieldsV1' as const, fieldsV1: entry.fieldsV1 ?? {} }));
  const shown = withRecords(annotations, []);
  const all = [...records, ...others];
  return {
    ...rest,
    ...(Object.keys(shown).length > 0 && { annotations: shown }),
    ...(all.length > 0 && { managedFields: all }),
  };
}

/** Whether only loops may sign so. */
export function isReservedManager(manager: string): boolean {
  return manager.startsWith('controller/') || manager.startsWith('reposync/');
}

/**
 * The record that somebody put in place of the shown one, as tools do that move to another way of applying. What loops own
 * stays as it is recorded.
 */
export function statedRecords(
  metadata: unknown,
  shown: readonly ManagedFields[] | undefined,
): ManagedFields[] | undefined {
  const stated = Records.safeParse(fieldOf(metadata, 'managedFields')).data;
  if (!stated || sameJson(stated, shown ?? [])) return undefined;
  const kept = (shown ?? []).filter(({ manager }) => isReservedManager(manager));
  const others = stated.filter(({ manager }) => !isReservedManager(manager));
  return [...kept, ...others].filter(({ subresource = '' }) => subresource === '');
}
