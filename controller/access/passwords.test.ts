import { parseOptions } from '@node-rs/argon2';
import { describe, expect, it } from 'vitest';
import { Passwords } from './passwords.ts';

describe('Passwords', () => {
  it('hashes by argon2id with what OWASP asks for, differently every time', async () => {
    const passwords = new Passwords();
    const [one, two] = await Promise.all([passwords.hash('correct horse'), passwords.hash('correct horse')]);
    expect(one).toMatch(/^\$argon2id\$/);
    expect(parseOptions(one)).toMatchObject({ memoryCost: 19_456, timeCost: 2, parallelism: 1 });
    expect(one).not.toBe(two);
  });

  it('knows the right password, however its letters were typed, and no other', async () => {
    const passwords = new Passwords();
    const hashed = await passwords.hash('Zoe\u0308 horse');
    expect(await passwords.verify(hashed, 'Zo\u00eb horse')).toBe(true);
    expect(await passwords.verify(hashed, 'Zoe horse')).toBe(false);
    expect(await passwords.verify(undefined, 'Zoe horse')).toBe(false);
  });

  it('works as long for somebody who does not exist', async () => {
    const passwords = new Passwords();
    const hashed = await passwords.hash('correct horse');
    await passwords.verify(hashed, 'warm');
    const time = async (against: string | undefined) => {
      const startedAt = performance.now();
      for (let tried = 0; tried < 5; tried += 1) await passwords.verify(against, 'wrong horse');
      return performance.now() - startedAt;
    };
    const [known, unknown] = [await time(hashed), await time(undefined)];
    // Without the work it would be a thousandth.
    expect(unknown).toBeGreaterThan(known / 10);
  });

  it('turns people away rather than let them all wait', async () => {
    const passwords = new Passwords();
    const hashed = await passwords.hash('correct horse');
    const all = await Promise.allSettled(Array.from({ length: 120 }, () => passwords.verify(hashed, 'x')));
    const refused = all.filter((one) => one.status === 'rejected').map(({ reason }) => reason);
    expect(refused.length).toBeGreaterThan(20);
    expect(refused[0]).toMatchObject({ code: 'Throttled', retryAfterMs: 5_000 });
  });
});
