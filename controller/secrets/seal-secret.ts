import { looksSealed, MOST_SECRET_BYTES } from '../../crds/sealed-value.ts';
import type { Secret } from '../../crds/secret.ts';
import type { FieldProblem } from '../errors.ts';
import { isFault } from '../errors.ts';
import type { SecretBox } from './secret-box.ts';
import { isRecord } from '../json.ts';

/** kubectl keeps what it last sent in here, values and all. */
const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

interface Place {
  namespace: string;
  name: string;
}

/** What is wrong with the values of a Secret, without showing any. */
export function secretProblems(spec: Secret['spec']): FieldProblem[] {
  return [...oversizedValues(spec.data), ...sealedProblems(spec)];
}

function sealedProblems({ data, sealed = {} }: Secret['spec']): FieldProblem[] {
  return Object.entries(sealed).flatMap(([key, text]) => {
    const path = `spec.sealed.${key}`;
    if (!looksSealed(text))
      return { path, message: 'is no sealed value; make one with "containr secret seal", or put the value into data' };
    return Object.hasOwn(data, key) ? { path, message: 'is in spec.data too; keep it in one of them' } : [];
  });
}

function oversizedValues(data: Readonly<Record<string, unknown>>): FieldProblem[] {
  return Object.entries(data)
    .filter(([, value]) => typeof value === 'string' && Buffer.byteLength(value) > MOST_SECRET_BYTES)
    .map(([key]) => ({ path: `spec.data.${key}`, message: `must be at most ${MOST_SECRET_BYTES / 2 ** 10} KiB` }));
}

/**
 * The values of a Secret, encrypted. One that is stored already, as text or as it was sealed, stays as it is stored, so that
 * writing the same again changes nothing.
 */
export function sealValues(
  box: SecretBox,
  place: Place,
  wanted: Readonly<Record<string, string>>,
  stored: Readonly<Record<string, string>>,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(wanted).map(([key, value]) => [key, sealValue(box, { ...place, key }, value, stored)]),
  );
}

function sealValue(
  box: SecretBox,
  place: Place & { key: string },
  value: string,
  stored: Readonly<Record<string, string>>,
): string {
  const before = Object.hasOwn(stored, place.key) ? stored[place.key] : undefined;
  if (before === undefined) return box.seal(place, value);
  if (value === before) return before;
  // After a rotation of keys, writing the same again is how a value gets under the new one.
  return !box.isOutdated(before) && opensTo(box, place, before, value) ? before : box.seal(place, value);
}

function opensTo(box: SecretBox, place: Place & { key: string }, sealed: string, value: string): boolean {
  try {
    return box.open(place, sealed) === value;
  } catch (error) {
    // Whatever cannot be read any more is replaced: that is how a lost key is mended.
    if (isFault(error, 'Denied')) return false;
    throw error;
  }
}

/** Annotations of a Secret without the values that kubectl puts there; the names of the keys stay, for it compares them. */
export function withoutAppliedValues(annotations: Readonly<Record<string, string>>): Record<string, string> {
  const { [LAST_APPLIED]: text, ...others } = annotations;
  const hidden = text === undefined ? undefined : hideValues(text);
  return hidden === undefined ? others : { ...others, [LAST_APPLIED]: hidden };
}

function hideValues(text: string): string | undefined {
  try {
    const applied: unknown = JSON.parse(text);
    if (!isRecord(applied) || !isRecord(applied['spec'])) return undefined;
    const { data, ...spec } = applied['spec'];
    const names = isRecord(data) ? Object.fromEntries(Object.keys(data).map((key) => [key, ''])) : undefined;
    return JSON.stringify({ ...applied, spec: { ...spec, ...(names && { data: names }) } });
  } catch {
    return undefined;
  }
}
