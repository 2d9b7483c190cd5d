import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto';
import { Fault } from '../errors.ts';
import type { Keyring } from './keyring.ts';

/** Which value: a ciphertext opens only at the place that it was sealed for. */
export interface SecretPlace {
  namespace: string;
  name: string;
  key: string;
}

/** Encrypts the values of Secrets for the store, and decrypts them for those who need them. */
export interface SecretBox {
  /** `enc:v1:KEYID:DIGEST:CIPHERTEXT`, under the newest key. */
  seal(place: SecretPlace, value: string): string;
  /** Throws Denied, with what to do, for what cannot be decrypted here. Never answers a value that was not sealed here. */
  open(place: SecretPlace, sealed: string): string;
  /**
   * A keyed digest for showing: equal values within one namespace have equal digests. Across namespaces they differ, so that
   * nobody can find out another project's value by guessing it in a Secret of their own.
   */
  digest(namespace: string, value: string): string;
  /** Whether it was sealed under another key than the newest. */
  isOutdated(sealed: string): boolean;
}

const CIPHER = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const format = /^enc:v1:([0-9a-f]{8}):([0-9a-f]{32}):([A-Za-z0-9_-]{38,})$/;

export function createSecretBox(keyring: Keyring): SecretBox {
  const digestKey = keyring.derive('secret-digest');
  const keys = new Map(keyring.keys.map(({ id, key }) => [id, key]));
  const newest = keyring.keys.at(-1);
  if (!newest) throw new Fault('Invalid', 'The keyring has no key. Restore keys.json from a backup.');

  function digest(namespace: string, value: string): string {
    return createHmac('sha256', digestKey)
      .update(JSON.stringify([namespace, value]))
      .digest('hex')
      .slice(0, 32);
  }

  return {
    digest,

    seal(place, value) {
      const shown = digest(place.namespace, value);
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv(CIPHER, newest.key, nonce).setAAD(boundTo(place, newest.id, shown));
      const bytes = Buffer.concat([nonce, cipher.update(value, 'utf8'), cipher.final(), cipher.getAuthTag()]);
      return `enc:v1:${newest.id}:${shown}:${bytes.toString('base64url')}`;
    },

    open(place, sealed) {
      const [, id = '', shown = '', text = ''] = format.exec(sealed) ?? [];
      const where = `The value "${place.key}" of the Secret "${place.name}" in namespace "${place.namespace}"`;
      if (id === '') throw new Fault('Denied', `${where} is not encrypted as it must be. Write the Secret anew.`);
      const key = keys.get(id);
      if (!key) {
        const message = `${where} is encrypted with the key ${id}, which this installation does not have.`;
        throw new Fault('Denied', `${message} Restore keys.json from a backup, or write the Secret anew.`);
      }
      const bytes = Buffer.from(text, 'base64url');
      const decipher = createDecipheriv(CIPHER, key, bytes.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES });
      decipher.setAAD(boundTo(place, id, shown)).setAuthTag(bytes.subarray(-TAG_BYTES));
      try {
        const body = decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES));
        return Buffer.concat([body, decipher.final()]).toString('utf8');
      } catch (cause) {
        const message = `${where} cannot be decrypted: it was damaged, or moved here from another Secret.`;
        throw new Fault('Denied', `${message} Write the Secret anew.`, { cause });
      }
    },

    isOutdated: (sealed) => format.exec(sealed)?.[1] !== newest.id,
  };
}

/** The digest that a sealed value carries for showing; undefined for what is no sealed value. */
export function sealedDigest(sealed: string): string | undefined {
  return format.exec(sealed)?.[2];
}

function boundTo({ namespace, name, key }: SecretPlace, id: string, digest: string): Buffer {
  return Buffer.from(JSON.stringify(['enc:v1', id, digest, namespace, name, key]));
}
