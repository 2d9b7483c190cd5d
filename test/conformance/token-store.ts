import { expect, it } from 'vitest';
import type { AccountStore } from '../../controller/access/account-store.ts';
import type { AuditLog } from '../../controller/access/audit-log.ts';
import type { Clock } from '../../controller/clock.ts';
import type { TokenStore } from '../../controller/access/token-store.ts';
import { FakeClock } from '../harness/fake-clock.ts';

const ci = { name: 'ci', user: 'ann', admin: false, scope: 'write' } as const;

const by = {
  manager: 'containr-cli',
  user: 'ann@example.com',
  address: '192.0.2.7',
  userAgent: 't/1',
  requestId: 'r-1',
};

interface Made {
  tokens: TokenStore;
  accounts: AccountStore;
  audit: AuditLog;
}

/** The promises of `TokenStore`. `makeAll` answers empty stores each time, over the same data. */
export function tokenStoreConformance(makeAll: (clock: Clock) => Promise<Made>): void {
  const make = async (clock: Clock) => (await makeAll(clock)).tokens;

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

  it('says until when what is made with a token may last, but for one of a login', async () => {
    const clock = new FakeClock();
    const store = await make(clock);
    const expiresAt = new Date(clock.now().getTime() + 1_000);
    const [plain, login] = [
      await store.create({ ...ci, expiresAt }),
      await store.create({ ...ci, expiresAt, login: true }),
    ];
    expect((await store.verify(plain.token))?.expiresAt).toEqual(expiresAt);
    expect(await store.verify(login.token)).toMatchObject({ tokenId: login.id, expiresAt: undefined });
    await clock.advance(1_000);
    expect(await store.verify(login.token)).toBeUndefined();
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

  it('lets a token do what its owner may now, under the name that they have now', async () => {
    const clock = new FakeClock();
    const { tokens, accounts } = await makeAll(clock);
    const account = { email: 'ann@example.com', name: 'Ann', passwordHash: 'hash' };
    const ann = await accounts.register(account, 'open', by);
    const bob = await accounts.register({ ...account, email: 'bob@example.com' }, 'open', by);
    if (typeof ann === 'string' || typeof bob === 'string') throw new Error('Nobody was made.');
    const wanted = { name: 'ci', user: 'somebody', admin: true, scope: 'admin' } as const;
    const ofAnn = await tokens.create({ ...wanted, admin: false, owner: ann.id });
    await clock.advance(1_000);
    const ofBob = await tokens.create({ ...wanted, owner: bob.id });
    await accounts.update(bob.id, { email: 'Bob@new.example.com', name: 'Robert' }, by);
    expect(await tokens.verify(ofAnn.token)).toMatchObject({ user: 'ann@example.com', admin: true });
    expect(await tokens.verify(ofBob.token)).toEqual({
      user: 'bob@new.example.com',
      admin: false,
      scope: 'admin',
      tokenId: ofBob.id,
      account: { id: bob.id, name: 'Robert', emails: ['bob@example.com', 'bob@new.example.com'] },
      expiresAt: undefined,
    });
    expect(await tokens.list()).toMatchObject([{ owner: ann.id }, { owner: bob.id, user: 'bob@new.example.com' }]);
  });

  it('notes who made and revoked a token, once, and never the token', async () => {
    const { tokens, audit } = await makeAll(new FakeClock());
    await tokens.create(ci);
    const { id, token } = await tokens.create(ci, by);
    await tokens.revoke(id, by);
    await tokens.revoke(id, by);
    await tokens.revoke('nobody', by);
    const entries = await audit.list({ limit: 10 });
    expect(entries).toMatchObject([
      { ...by, action: 'delete', kind: 'Token', name: 'ci', uid: id },
      { ...by, action: 'create', kind: 'Token', name: 'ci', uid: id },
    ]);
    expect(entries).toHaveLength(2);
    expect(JSON.stringify(entries)).not.toContain(token.slice(4));
  });
}
