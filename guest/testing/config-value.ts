import { createCipheriv, createHmac } from 'node:crypto';

/** One `key`, `value` pair of CONTAINR_CONFIG. */
export type ConfigPair = readonly [key: string, value: string];

/** What a test puts into CONTAINR_CONFIG; deliberately not the controller's encoder, so that one cannot hide the other. */
export function configValue(pairs: readonly ConfigPair[]): string {
  return Buffer.from(pairs.map(([key, value]) => `${key}\0${value}\0`).join('')).toString('base64');
}

/** The same encrypted for a guest, and the texts of the key files that open it; not the controller's encoder either. */
export function sealedValue(pairs: readonly ConfigPair[], uid: string, key: Buffer): Sealed {
  const plain = Buffer.from(configValue(pairs), 'base64');
  const own = hmac(key, `guest ${uid}`);
  const tag = hmac(hmac(own, 'tag'), plain);
  const nonce = Buffer.concat([Buffer.alloc(4), tag.subarray(0, 12)]);
  const sealed = Buffer.concat([tag, createCipheriv('chacha20', hmac(own, 'cipher'), nonce).update(plain)]);
  const fileOf = (bytes: Buffer) => `${bytes.toString('hex')}\n`;
  return { value: `2.${uid}.${sealed.toString('base64')}`, keyFile: fileOf(key), ownKeyFile: fileOf(own) };
}

export interface Sealed {
  value: string;
  /** As the image brings it. */
  keyFile: string;
  /** As it is from the first start on. */
  ownKeyFile: string;
}

function hmac(key: Buffer, message: string | Buffer): Buffer {
  return createHmac('sha256', key).update(message).digest();
}

/** The pairs of a command. */
export function command(...words: string[]): ConfigPair[] {
  return words.map((word) => ['arg', word] as const);
}

/** The pairs of a shell script run by the machine's own /bin/sh. */
export function shell(script: string): ConfigPair[] {
  return command('/bin/sh', '-c', script);
}
