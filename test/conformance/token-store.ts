import { expect, it } from 'vitest';
import type { Clock } from '../../controller/clock.ts';
import type { TokenStore } from '../../controller/access/token-store.ts';
import { FakeClock } from '../harness/fake-clock.ts';

const ci = { name: 'ci', user: 'ann', admin: false, scope: 'write' } as const;

/** The promises of `TokenStore`. `make` answers an empty store each time. */
export function tokenStoreConformance(make: (clock: Clock) => Promise<TokenStore>): void {
  it('knows who shows a token', async () => {
    const store = await make(new FakeClock());
    const { id, token } = await store.create(ci);
    await store.create({ ...ci, user: 'bob', admin: true, scope: 'admin' });
    expect(token).toMatch(/^ctr_[A-Za-z0-9_-]{43}$/);
    expect(await store.verify(token)).toEqual({ user: 'ann', admin: false, scope: 'write', tokenId: id });
  });

  it('knows nobody by any other text', async () => {
    const store = await make(new FakeClock());
    const { id, token } = await store.create(ci);
    const changed = `${token.slice(0, -1)}${token.endsWith('A') ? 'B' : 'A'}`;
    for (const text of [
      '',
      id,
      token.toLowerCase(),
      ` ${token}`,
      `${token}\n`,
      token.slice(0, -1),
      changed,
      `ctr_${'A'.repeat(43)}`,
    ]) {
      expect([text, await store.verify(text)]).toEqual([text, undefined]);
    }
  });

  it('never shows the text of a token again', async () => {
    const store = await make(new FakeClock());
    const { token } = await store.create(ci);
    expect(JSON.stringify(await store.list())).not.toContain(token.slice(4));
  });

  it('knows an expired token no more', async () => {
    const clock = new FakeClock();
    const store = await make(clock);
    const expiresAt = new Date(clock.now().getTime() + 1_000);
    const { token } = await store.create({ ...ci, expiresAt });
    expect(await store.verify(token)).toBeDefined();
    await clock.advance(1_000);
    expect(await store.verify(token)).toBeUndefined();
    expect(await store.list()).toMatchObject([{ expiresAt }]);
  });

  it('knows a revoked token no more, and keeps when it was revoked first', async () => {
    const clock = new FakeClock();
    const store = await make(clock);
    const { id, token } = await store.create(ci);
    const other = await store.create(ci);
    expect(await store.revoke(id)).toBe(true);
    const [first] = await store.list();
    await clock.advance(5_000);
    expect(await store.revoke(id)).toBe(true);
    expect(await store.revoke('nobody')).toBe(false);
    expect((await store.list())[0]?.revokedAt).toEqual(first?.revokedAt);
    expect([await store.verify(token), await store.verify(other.token)]).toEqual([undefined, expect.anything()]);
  });

  it('lists tokens, the oldest first, with when they were used, to the minute', async () => {
    const clock = new FakeClock();
    const store = await make(clock);
    const createdAt = clock.now();
    const { id, token } = await store.create(ci);
    await clock.advance(10_000);
    await store.create({ ...ci, name: 'second' });
    expect(await store.list()).toMatchObject([
      { ...ci, id, createdAt, lastUsedAt: undefined, revokedAt: undefined, expiresAt: undefined },
      { name: 'second' },
    ]);
    const usedAt = clock.now();
    await store.verify(token);
    await clock.advance(59_000);
    await store.verify(token);
    expect((await store.list())[0]?.lastUsedAt).toEqual(usedAt);
    await clock.advance(1_000);
    await store.verify(token);
    expect((await store.list())[0]?.lastUsedAt).toEqual(clock.now());
  });
}
