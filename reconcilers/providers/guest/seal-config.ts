import { createCipheriv, createHmac } from 'node:crypto';

/** Whom a configuration is encrypted for. */
export interface ConfigSeal {
  /** 32 bytes, of the installation: the image's archive carries them beside the supervisor. */
  key: Buffer;
  /** The guest's, without a dot; the key that is used is derived for it. */
  uid: string;
}

/** From this version on a supervisor opens what is encrypted. */
export const SEALED_SINCE = 3;

const enveloped = /^CONTAINR_CONFIG=2\.([^.]{1,64})\./;

/**
 * The encrypted form of CONTAINR_CONFIG, `2.UID.BASE64`; guest/README.md says how it is made. The same configuration for the
 * same guest always gives the same text, so that a guest that is as it should be compares equal.
 */
export function sealGuestConfig(plain: Buffer, { key, uid }: ConfigSeal): string {
  const own = hmac(key, `guest ${uid}`);
  const tag = hmac(hmac(own, 'tag'), plain);
  return `2.${uid}.${Buffer.concat([tag, applyCipher(hmac(own, 'cipher'), tag, plain)]).toString('base64')}`;
}

/** The uid that an environment on Proxmox is encrypted for; undefined where it is not. */
export function sealedFor(env: readonly string[]): string | undefined {
  return env.map((entry) => enveloped.exec(entry)?.[1]).find((uid) => uid !== undefined);
}

function applyCipher(key: Buffer, tag: Buffer, plain: Buffer): Buffer {
  const fromBlock0 = Buffer.concat([Buffer.alloc(4), tag.subarray(0, 12)]);
  return createCipheriv('chacha20', key, fromBlock0).update(plain);
}

function hmac(key: Buffer, message: string | Buffer): Buffer {
  return createHmac('sha256', key).update(message).digest();
}
