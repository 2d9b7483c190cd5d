import { z } from 'zod';
import { DnsLabel } from '../../../crds/names.ts';

type ValueType = 'string' | 'integer' | 'boolean' | 'url' | 'email' | 'database';

/** What is wrong with the text of a value as one of its type, in words that follow its name; undefined when nothing is. */
export function typeProblem(type: ValueType, text: string): string | undefined {
  switch (type) {
    case 'string':
      return undefined;
    case 'integer':
      return /^-?\d{1,15}$/.test(text) ? undefined : 'must be a whole number';
    case 'boolean':
      return text === 'true' || text === 'false' ? undefined : 'must be true or false';
    case 'url':
      return isWebAddress(text) ? undefined : 'must be an address that begins with http:// or https://';
    case 'email':
      return z.email().max(254).safeParse(text).success ? undefined : 'must be an e-mail address';
    case 'database':
      return DnsLabel.safeParse(text).success ? undefined : 'must be the name or the id of a database';
    default:
      return type satisfies never;
  }
}

function isWebAddress(text: string): boolean {
  // What the parser would quietly strip must not be kept either.
  if (/[\s\u0000-\u001f\u007f]/.test(text) || !URL.canParse(text)) return false;
  const { protocol, hostname } = new URL(text);
  return (protocol === 'http:' || protocol === 'https:') && hostname !== '';
}
