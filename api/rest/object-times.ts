import type { Resource } from '../../crds/define-kind.ts';

/** When an object was made, and when anybody last wrote to it: people or loops. */
export function objectTimes({ metadata }: Pick<Resource, 'metadata'>): { created_at: string; updated_at: string } {
  const { creationTimestamp, managedFields = [] } = metadata;
  const written = managedFields.flatMap(({ time }) => time ?? []);
  return { created_at: creationTimestamp, updated_at: [creationTimestamp, ...written].toSorted().at(-1) ?? '' };
}
