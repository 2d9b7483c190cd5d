import { z } from 'zod';

/** What is inside a sealed value: the value, and the one place that it may be used at. */
export const SealedEnvelope = z.strictObject({
  v: z.literal(1),
  namespace: z.string(),
  name: z.string(),
  key: z.string(),
  value: z.string(),
});
export type SealedEnvelope = z.output<typeof SealedEnvelope>;

/** The most that one value may have: encrypted it is half as long again, and has to fit into what a Secret may store. */
export const MOST_SECRET_BYTES = 128 * 2 ** 10;

const armor =
  /^\s*-----BEGIN AGE ENCRYPTED FILE-----\r?\n((?:[A-Za-z0-9+/]{64}\r?\n)*[A-Za-z0-9+/]{1,64}={0,2})\r?\n-----END AGE ENCRYPTED FILE-----\s*$/;
const beginning = /^age-encryption\.org\/v1\n-> X25519 /;

/**
 * Whether a text is an armored age file for a public key. Whatever else stands in its place would be stored and shown as it
 * is, so that a value that somebody forgot to seal must not pass for one.
 */
export function looksSealed(text: string): boolean {
  const [, body = ''] = armor.exec(text) ?? [];
  return beginning.test(Buffer.from(body.slice(0, 64), 'base64').toString('latin1'));
}
