import { z } from 'zod';

/** What of a database a service can be told. */
export const DatabasePart = z.enum(['url', 'host', 'port', 'username', 'password', 'database']);

/** A place in a text of a template where the value of a variable goes: `${KEY}`, or `${KEY.part}` for a part of a database. */
export interface Reference {
  key: string;
  part: string | undefined;
}

const pattern = /\$\{([A-Z][A-Z0-9_]*)(?:\.([a-z]+))?\}/g;

/** What a text of a template refers to, in order. */
export function referencesIn(text: string): Reference[] {
  return [...text.matchAll(pattern)].map(([, key = '', part]) => ({ key, part }));
}

/** The reference that a text is, and nothing else; undefined for any other text. */
export function onlyReference(text: string): Reference | undefined {
  const [first] = referencesIn(text);
  return first && text.replace(pattern, '') === '' && referencesIn(text).length === 1 ? first : undefined;
}

/** The text with values in place of its references. Whoever calls has seen to it that each has one. */
export function fillIn(text: string, valueOf: (key: string) => string | undefined): string {
  return text.replace(pattern, (_whole, key: string) => valueOf(key) ?? '');
}
