import { createHash } from 'node:crypto';
import type { Secret } from '../../crds/secret.ts';

/** Why a value cannot be had. The message says what to do and shows nothing. */
export interface SecretProblem {
  ok: false;
  reason: 'SecretNotFound' | 'SecretUnreadable';
  message: string;
}

/** The value of a key as it is stored: encrypted by the SecretBox, whether it was written as data or sealed. */
export function storedValue(secret: Secret, key: string): { ok: true; encrypted: string } | SecretProblem {
  const { metadata, spec, status } = secret;
  const data = own(spec.data, key);
  if (data !== undefined) return { ok: true, encrypted: data };
  const sealed = own(spec.sealed ?? {}, key);
  const where = `The Secret "${metadata.name}" in namespace "${metadata.namespace ?? ''}"`;
  if (sealed === undefined) return missing(`${where} has no key "${key}"; it ${whatItHas(secret)}.`);
  const opened = own(status.opened ?? {}, key);
  if (opened?.of !== fingerprint(sealed))
    return missing(`${where} has a sealed value "${key}" that is not opened yet; that takes a moment.`);
  if (opened.value !== undefined) return { ok: true, encrypted: opened.value };
  return { ok: false, reason: 'SecretUnreadable', message: opened.problem ?? `${where} has "${key}" unopened.` };
}

/** All keys of a Secret. */
export function keysOf({ spec }: Secret): string[] {
  return [...new Set([...Object.keys(spec.data), ...Object.keys(spec.sealed ?? {})])];
}

/** By which a sealed text is known again. Says nothing about the value: the same sealed twice is two texts. */
export function fingerprint(sealed: string): string {
  return createHash('sha256').update(sealed).digest('hex').slice(0, 32);
}

function whatItHas(secret: Secret): string {
  const keys = keysOf(secret);
  return keys.length === 0 ? 'has no keys' : `has ${keys.map((key) => `"${key}"`).join(', ')}`;
}

function own<T>(record: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}

/** The problem of a Secret, or a key in it, that is not there. */
export function missing(message: string): SecretProblem {
  return { ok: false, reason: 'SecretNotFound', message };
}
