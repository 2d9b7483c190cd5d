import type { Kind } from '../../crds/define-kind.ts';
import { Secret } from '../../crds/secret.ts';
import { isFault } from '../errors.ts';
import type { ObjectKey } from '../store/store.ts';
import type { SecretBox } from './secret-box.ts';
import { keysOf, missing, storedValue, type SecretProblem } from './stored-value.ts';

export type SecretValue = { ok: true; value: string } | SecretProblem;
export type SecretContent = { ok: true; values: Record<string, string> } | SecretProblem;

/** Reads the values of Secrets, for loops. Each value that is read is told to the redactor first. */
export interface SecretValues {
  value(namespace: string, name: string, key: string): SecretValue;
  values(namespace: string, name: string): SecretContent;
  /** Whether every value of a Secret can be read. */
  check(secret: Secret): { ok: true } | SecretProblem;
}

interface SecretValuesOptions {
  /** Where Secrets are looked up: the cache of the informers. */
  read: { get(kind: Kind<Secret>, key: ObjectKey): Secret | undefined };
  box: SecretBox;
  /** Takes note of a value, so that logs and messages are kept free of it. */
  redact(value: string): void;
}

export function createSecretValues({ read, box, redact }: SecretValuesOptions): SecretValues {
  function open(secret: Secret, key: string): SecretValue {
    const { namespace = '', name } = secret.metadata;
    const stored = storedValue(secret, key);
    if (!stored.ok) return stored;
    try {
      const value = box.open({ namespace, name, key }, stored.encrypted);
      redact(value);
      return { ok: true, value };
    } catch (error) {
      if (!isFault(error, 'Denied')) throw error;
      return { ok: false, reason: 'SecretUnreadable', message: error.message };
    }
  }

  function find(namespace: string, name: string): Secret | SecretProblem {
    const secret = read.get(Secret, { namespace, name });
    return secret ?? missing(`There is no Secret "${name}" in namespace "${namespace}". Create it.`);
  }

  function openAll(secret: Secret): SecretContent {
    const values: Record<string, string> = {};
    for (const key of keysOf(secret)) {
      const read = open(secret, key);
      if (!read.ok) return read;
      values[key] = read.value;
    }
    return { ok: true, values };
  }

  return {
    value(namespace, name, key) {
      const secret = find(namespace, name);
      return 'ok' in secret ? secret : open(secret, key);
    },
    values(namespace, name) {
      const secret = find(namespace, name);
      return 'ok' in secret ? secret : openAll(secret);
    },
    check(secret) {
      const read = openAll(secret);
      return read.ok ? { ok: true } : read;
    },
  };
}
