import { createHmac, generateKeyPairSync } from 'node:crypto';
import { SignJWT, UnsecuredJWT } from 'jose';
import { describe, expect, it } from 'vitest';
import { FakeClock } from '../../test/harness/fake-clock.ts';
import { SessionKeys } from './session-keys.ts';
import { SessionTokens } from './session-tokens.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const derive = (purpose: string) => createHmac('sha256', 'root').update(purpose).digest();

function world(options: { derive?: typeof derive; rotationMs?: number } = {}) {
  const clock = new FakeClock();
  const lifetimeMs = HOUR;
  const keys = new SessionKeys({ derive, rotationMs: 30 * DAY, lifetimeMs, ...options });
  return { clock, keys, tokens: new SessionTokens({ keys, clock, lifetimeMs }) };
}

function decoded(token: string, part: 0 | 1): unknown {
  return JSON.parse(Buffer.from(token.split('.')[part] ?? '', 'base64url').toString());
}

describe('SessionTokens', () => {
  it('knows its own tokens until they are over', async () => {
    const { clock, tokens } = world();
    const { token, claims } = await tokens.issue('ann', 3);
    expect(claims).toEqual({
      id: expect.any(String),
      accountId: 'ann',
      era: 3,
      expiresAt: new Date(clock.now().getTime() + HOUR),
    });
    expect(decoded(token, 0)).toEqual({ alg: 'HS256', typ: 'JWT', kid: expect.stringMatching(/^\d+-\d+$/) });
    expect(decoded(token, 1)).toMatchObject({ sub: 'ann', jti: claims.id, iss: 'containr', aud: 'containr-api' });
    expect(await tokens.verify(token)).toEqual(claims);
    await clock.advance(HOUR - 1_000);
    expect(await tokens.verify(token)).toEqual(claims);
    await clock.advance(1_000);
    expect(await tokens.verify(token)).toBeUndefined();
  });

  it('gives each session a name of its own', async () => {
    const { tokens } = world();
    const [one, two] = [await tokens.issue('ann', 0), await tokens.issue('ann', 0)];
    expect(one.claims.id).not.toBe(two.claims.id);
  });

  it('takes another key in time, and knows what the one before signed until that is over', async () => {
    const { clock, tokens } = world({ rotationMs: DAY });
    const first = await tokens.issue('ann', 0);
    await clock.advance(DAY - HOUR / 2);
    const last = await tokens.issue('ann', 0);
    expect(decoded(last.token, 0)).toEqual(decoded(first.token, 0));
    await clock.advance(HOUR / 2);
    const next = await tokens.issue('ann', 0);
    expect(decoded(next.token, 0)).not.toEqual(decoded(first.token, 0));
    expect(await tokens.verify(last.token)).toEqual(last.claims);
    expect(await tokens.verify(next.token)).toEqual(next.claims);
  });

  it('takes nothing from a key after its time, even if its bytes become known', async () => {
    const { clock, keys, tokens } = world({ rotationMs: DAY });
    const old = keys.signing(clock.now());
    await clock.advance(DAY + HOUR / 2);
    const now = Math.floor(clock.now().getTime() / 1000);
    const forged = (issuedAt: number) =>
      new SignJWT({ era: 0, iss: 'containr', aud: 'containr-api', sub: 'ann', jti: 'x', iat: issuedAt, exp: now + 60 })
        .setProtectedHeader({ alg: 'HS256', typ: 'JWT', kid: old.id })
        .sign(old.key);
    expect(await tokens.verify(await forged(now))).toBeUndefined();
    await clock.advance(HOUR);
    expect(await tokens.verify(await forged(now - 2 * HOUR))).toBeUndefined();
  });

  it('finds no key that is not in use yet', async () => {
    const { clock, keys } = world({ rotationMs: DAY });
    const tomorrow = keys.signing(new Date(clock.now().getTime() + 2 * DAY));
    expect(keys.verifying(tomorrow.id, clock.now())).toBeUndefined();
    for (const id of ['', '1', '2-1', '1-2-3', '-1-5', '__proto__'])
      expect(keys.verifying(id, clock.now())).toBeUndefined();
  });

  it('knows nothing that was signed otherwise', async () => {
    const { clock, keys, tokens } = world();
    const { id: kid, key } = keys.signing(clock.now());
    const iat = Math.floor(clock.now().getTime() / 1000);
    const claims = { era: 0, iss: 'containr', aud: 'containr-api', sub: 'ann', jti: 'x', iat, exp: iat + 60 };
    const signed = (body: object, header: object = {}, by: Uint8Array = key) =>
      new SignJWT({ ...body }).setProtectedHeader({ alg: 'HS256', typ: 'JWT', kid, ...header }).sign(by);
    expect(await tokens.verify(await signed(claims))).toBeDefined();

    const { privateKey } = generateKeyPairSync('ed25519');
    const { token } = await tokens.issue('ann', 0);
    const [header = '', body = ''] = token.split('.');
    const long = Buffer.alloc(64, 7);
    const foreign = {
      'the algorithm none': new UnsecuredJWT(claims).encode(),
      'no signature': `${header}.${body}.`,
      'another algorithm of the same key': await signed(claims, { alg: 'HS384' }, long),
      'a key of another kind': await new SignJWT(claims)
        .setProtectedHeader({ alg: 'EdDSA', typ: 'JWT', kid })
        .sign(privateKey),
      'another key': await signed(claims, {}, Buffer.alloc(32, 1)),
      'no key id': await signed(claims, { kid: undefined }),
      'another key id': await signed(claims, { kid: '1-99999999999' }),
      'another type': await signed(claims, { typ: 'at+jwt' }),
      'another issuer': await signed({ ...claims, iss: 'elsewhere' }),
      'another audience': await signed({ ...claims, aud: 'elsewhere' }),
      'no end': await signed({ ...claims, exp: undefined }),
      'no start': await signed({ ...claims, iat: undefined }),
      'no subject': await signed({ ...claims, sub: undefined }),
      'no id': await signed({ ...claims, jti: undefined }),
      'another installation': (await world({ derive: (purpose) => derive(`other ${purpose}`) }).tokens.issue('ann', 0))
        .token,
      'a changed body': `${header}.${Buffer.from('{"sub":"bob"}').toString('base64url')}.${token.split('.')[2]}`,
      'no token at all': 'a.b.c',
    };
    for (const [what, text] of Object.entries(foreign))
      expect([what, await tokens.verify(text)]).toEqual([what, undefined]);
  });
});
