import type { OpenedValue, Secret } from '../../crds/secret.ts';
import { isFault } from '../errors.ts';
import type { AgeKeys } from './age-keys.ts';
import type { SecretBox, SecretPlace } from './secret-box.ts';
import { fingerprint } from './stored-value.ts';

/**
 * Opens the sealed values of a Secret for its status. What was opened before with a key that is still there stays as it is,
 * text for text, so that nothing changes where nothing did.
 */
export async function openSealed(
  { metadata, spec, status }: Secret,
  { ages, box }: { ages: AgeKeys; box: SecretBox },
): Promise<Record<string, OpenedValue>> {
  const { namespace = '', name } = metadata;
  const known = status.opened ?? {};
  const opened: [string, OpenedValue][] = [];
  for (const [key, sealed] of Object.entries(spec.sealed ?? {})) {
    const before = Object.hasOwn(known, key) ? known[key] : undefined;
    opened.push([key, await openOne({ namespace, name, key }, sealed, before)]);
  }
  return Object.fromEntries(opened);

  async function openOne(place: SecretPlace, sealed: string, before: OpenedValue | undefined): Promise<OpenedValue> {
    const of = fingerprint(sealed);
    if (before?.of === of && before.keyId !== undefined && ages.ids.includes(before.keyId) && isCurrent(place, before))
      return before;
    const opening = await ages.open(place, sealed);
    if (!opening.ok) return { of, problem: opening.problem };
    return { of, keyId: opening.keyId, value: box.seal(place, opening.value) };
  }

  function isCurrent(place: SecretPlace, { value }: OpenedValue): boolean {
    if (value === undefined || box.isOutdated(value)) return false;
    try {
      box.open(place, value);
      return true;
    } catch (error) {
      if (isFault(error, 'Denied')) return false;
      throw error;
    }
  }
}

/** Keys whose values are under another key of the installation than the newest, by name. */
export function outdatedKeys(
  { spec, status }: Pick<Secret, 'spec' | 'status'>,
  ages: AgeKeys,
  box: SecretBox,
): string[] {
  const newest = ages.ids.at(-1);
  const data = Object.entries(spec.data).filter(([, value]) => box.isOutdated(value));
  const sealed = Object.entries(status.opened ?? {}).filter(([, { keyId }]) => keyId !== undefined && keyId !== newest);
  return [...data, ...sealed].map(([key]) => key).toSorted();
}
