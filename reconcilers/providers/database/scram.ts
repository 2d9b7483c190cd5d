import { createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { WireError } from './wire.ts';

const derive = promisify(pbkdf2);
const MAX_ITERATIONS = 1_000_000;

/** One login by SCRAM-SHA-256 (RFC 7677), without channel binding. Shows the password to nobody, and proves the server too. */
export interface ScramLogin {
  first(): string;
  /** From the server's first message to our last. */
  final(serverFirst: string): Promise<string>;
  /** Throws when the server does not know the password itself. */
  verify(serverFinal: string): void;
}

export function scramLogin(
  username: string,
  password: string,
  nonce: string = randomBytes(18).toString('base64'),
): ScramLogin {
  const bare = `n=${username.replaceAll('=', '=3D').replaceAll(',', '=2C')},r=${nonce}`;
  let expected: Buffer = Buffer.alloc(0);
  return {
    first: () => `n,,${bare}`,
    async final(serverFirst) {
      const { r = '', s = '', i = '' } = attributes(serverFirst);
      const iterations = Number(i);
      if (!r.startsWith(nonce) || r === nonce || s === '' || !(iterations >= 1 && iterations <= MAX_ITERATIONS))
        throw new WireError('its login by SCRAM is not as it must be');
      const salted = await derive(password.normalize('NFKC'), Buffer.from(s, 'base64'), iterations, 32, 'sha256');
      const withoutProof = `c=${Buffer.from('n,,').toString('base64')},r=${r}`;
      const signed = `${bare},${serverFirst},${withoutProof}`;
      const clientKey = hmac(salted, 'Client Key');
      const signature = hmac(createHash('sha256').update(clientKey).digest(), signed);
      const proof = clientKey.map((byte, index) => byte ^ (signature[index] ?? 0));
      expected = hmac(hmac(salted, 'Server Key'), signed);
      return `${withoutProof},p=${Buffer.from(proof).toString('base64')}`;
    },
    verify(serverFinal) {
      const shown = Buffer.from(attributes(serverFinal)['v'] ?? '', 'base64');
      if (shown.length !== expected.length || !timingSafeEqual(shown, expected))
        throw new WireError('it does not know the password itself, so it is not our database');
    },
  };
}

function attributes(message: string): Record<string, string | undefined> {
  return Object.fromEntries(message.split(',').map((part) => [part.slice(0, 1), part.slice(2)]));
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}
