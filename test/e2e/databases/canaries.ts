import { randomBytes } from 'node:crypto';

/** A value that is a credential, under the name by which a finding calls it. */
export interface Canary {
  name: string;
  value: string;
}

/** A place where no credential may stand, with what was found there. */
export interface Place {
  where: string;
  content: Buffer;
}

const SHORTEST = 12;

/** A value that occurs nowhere by chance, with the characters that encodings treat differently. */
export function newCanary(name: string): Canary {
  return { name, value: `canary-${randomBytes(12).toString('hex')}+/=&?` };
}

/** Which canaries stand where, in plain text or in any encoding that programs use; one sentence each, without the value. */
export function findCanaries(canaries: readonly Canary[], places: readonly Place[]): string[] {
  const needles = canaries.flatMap(({ name, value }) =>
    Object.entries(encodingsOf(value)).map(([encoding, text]) => ({ name, encoding, bytes: Buffer.from(text) })),
  );
  return places.flatMap(({ where, content }) =>
    needles
      .filter(({ bytes }) => content.includes(bytes))
      .map(({ name, encoding, bytes }) => `${where} holds ${name} (${encoding}): ${around(content, bytes)}`),
  );
}

/** Every text that gives the value away. */
export function encodingsOf(value: string): Record<string, string> {
  const all: Record<string, string> = {
    plain: value,
    hex: Buffer.from(value).toString('hex'),
    'URL-encoded': encodeURIComponent(value),
    'form-encoded': new URLSearchParams({ value }).toString().slice('value='.length),
    'JSON in JSON': JSON.stringify(JSON.stringify(value)).slice(3, -3),
  };
  // What stands before the value shifts its base64; the characters at both ends depend on the neighbours.
  for (const before of [0, 1, 2]) {
    const whole = Buffer.from(`${'x'.repeat(before)}${value}`)
      .toString('base64')
      .replace(/=+$/, '');
    all[`base64 after ${before} bytes`] = whole.slice(before === 0 ? 0 : before + 1, -2);
  }
  all['base64url'] = Buffer.from(value).toString('base64url').slice(0, -2);
  return Object.fromEntries(Object.entries(all).filter(([, text]) => text.length >= SHORTEST));
}

/** What stands around it, to find the place in the code that wrote it. */
function around(content: Buffer, bytes: Buffer): string {
  const at = content.indexOf(bytes);
  const before = content.toString('latin1', Math.max(0, at - 100), at);
  const after = content.toString('latin1', at + bytes.length, at + bytes.length + 40);
  return `${before}[HERE]${after}`.replaceAll(/[^\u0020-\u007e]+/g, ' ');
}
