import { createDecipheriv, createHmac, timingSafeEqual } from 'node:crypto';

/** Where an image has the key that the supervisor opens its configuration with, without a leading slash. */
export const supervisorKeyPath = '.containr/key';

const tagBytes = 32;

/**
 * The bytes of a configuration, be it plain base64 or `2.UID.BASE64`, which is encrypted with a key that the image has in its key
 * file. Undefined for what the supervisor would refuse.
 */
export function openSupervisorConfig(encoded: string, keyFile: string | undefined): Buffer | undefined {
  const [, uid, sealed] = /^2\.([^.]{0,64})\.(.*)$/s.exec(encoded) ?? [];
  if (uid === undefined || sealed === undefined) return decode(encoded);
  const [, key] = /^([0-9a-f]{64})\n$/i.exec(keyFile ?? '') ?? [];
  const bytes = decode(sealed);
  if (key === undefined || bytes === undefined || bytes.length < tagBytes) return undefined;
  const own = hmac(Buffer.from(key, 'hex'), Buffer.from(`guest ${uid}`));
  const tag = bytes.subarray(0, tagBytes);
  const plain = decipher(hmac(own, Buffer.from('cipher')), tag, bytes.subarray(tagBytes));
  return timingSafeEqual(tag, hmac(hmac(own, Buffer.from('tag')), plain)) ? plain : undefined;
}

/** Undefined for what is not padded base64. */
function decode(text: string): Buffer | undefined {
  return /^[A-Za-z0-9+/]+={0,2}$/.test(text) ? Buffer.from(text, 'base64') : undefined;
}

function decipher(key: Buffer, tag: Buffer, bytes: Buffer): Buffer {
  return createDecipheriv('chacha20', key, Buffer.concat([Buffer.alloc(4), tag.subarray(0, 12)])).update(bytes);
}

function hmac(key: Buffer, message: Buffer): Buffer {
  return createHmac('sha256', key).update(message).digest();
}
