import { expect, it } from 'vitest';
import type { AuditLog } from '../../controller/access/audit-log.ts';
import { MOST_ADDRESSES, type Account, type AccountStore } from '../../controller/access/account-store.ts';
import type { Clock } from '../../controller/clock.ts';
import { FakeClock } from '../harness/fake-clock.ts';

type Make = (clock: Clock) => Promise<{ accounts: AccountStore; audit: AuditLog }>;

const ann = { email: 'Ann@Example.com', name: 'Ann', passwordHash: 'hash of ann' };
const bob = { email: 'bob@example.com', name: 'Bob', avatarUrl: 'https://example.com/b.png', passwordHash: 'of bob' };
const by = { manager: 'rest', user: 'ann@example.com', address: '192.0.2.7', userAgent: 'tests/1', requestId: 'r-1' };

/** The promises of `AccountStore`. `make` answers an empty store each time. */
export function accountStoreConformance(make: Make): void {
  async function made(store: AccountStore, account: typeof ann | typeof bob): Promise<Account> {
    const registered = await store.register(account, 'open', by);
    if (typeof registered === 'string') throw new Error(`It is ${registered}.`);
    return registered;
  }

  it('makes an administrator of whoever comes first, and of nobody else', async () => {
    const clock = new FakeClock();
    const { accounts } = await make(clock);
    expect(await accounts.isEmpty()).toBe(true);
    const first = await made(accounts, ann);
    expect(first).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      email: 'Ann@Example.com',
      name: 'Ann',
      avatarUrl: undefined,
      administrator: true,
      emails: ['ann@example.com'],
      sessionEra: 0,
      createdAt: clock.now(),
      updatedAt: clock.now(),
    });
    expect(await made(accounts, bob)).toMatchObject({ administrator: false, avatarUrl: bob.avatarUrl });
    expect(await accounts.get(first.id)).toEqual(first);
    expect(await accounts.isEmpty()).toBe(false);
  });

  it('lets exactly one of several be the first', async () => {
    const { accounts } = await make(new FakeClock());
    const all = await Promise.all(
      Array.from({ length: 6 }, (_, index) =>
        accounts.register({ ...ann, email: `u${index}@example.com` }, 'first-user', by),
      ),
    );
    expect(all.filter((one) => one === 'closed')).toHaveLength(5);
    expect(all.filter((one) => typeof one !== 'string')).toMatchObject([{ administrator: true }]);
  });

  it('keeps doors as they are told to be', async () => {
    const { accounts } = await make(new FakeClock());
    expect(await accounts.register(ann, 'closed', by)).toBe('closed');
    await made(accounts, ann);
    expect(await accounts.register(bob, 'first-user', by)).toBe('closed');
    expect(await accounts.register(bob, 'open', by)).toMatchObject({ email: 'bob@example.com' });
  });

  it('gives an address to one account, whatever its case', async () => {
    const { accounts } = await make(new FakeClock());
    const { id } = await made(accounts, ann);
    expect(await accounts.register({ ...bob, email: 'ANN@example.COM' }, 'open', by)).toBe('taken');
    expect(await accounts.find('aNN@example.com')).toMatchObject({ id });
    expect(await accounts.credentials('ANN@EXAMPLE.COM')).toMatchObject({
      account: { id },
      passwordHash: 'hash of ann',
    });
    expect(await accounts.credentials('nobody@example.com')).toBeUndefined();
  });

  it('reserves every address that an account had for ever', async () => {
    const clock = new FakeClock();
    const { accounts } = await make(clock);
    const { id } = await made(accounts, ann);
    const other = await made(accounts, bob);
    await clock.advance(1_000);
    const moved = await accounts.update(id, { email: 'Ann@new.example.com' }, by);
    expect(moved).toMatchObject({ email: 'Ann@new.example.com', emails: ['ann@example.com', 'ann@new.example.com'] });
    expect(moved).toMatchObject({ name: 'Ann', updatedAt: clock.now() });
    expect(await accounts.register({ ...ann }, 'open', by)).toBe('taken');
    expect(await accounts.update(other.id, { email: 'ANN@example.com' }, by)).toBe('taken');
    expect(await accounts.find('ann@example.com')).toMatchObject({ id });
    // It opens no door any more.
    expect(await accounts.credentials('ann@example.com')).toBeUndefined();
    expect(await accounts.update(id, { email: 'ann@example.com' }, by)).toMatchObject({ email: 'ann@example.com' });
  });

  it('reserves only so many addresses for one account', async () => {
    const { accounts } = await make(new FakeClock());
    const { id } = await made(accounts, ann);
    for (let index = 1; index < MOST_ADDRESSES; index += 1)
      expect(await accounts.update(id, { email: `a${index}@example.com` }, by)).toMatchObject({ id });
    expect(await accounts.update(id, { email: 'more@example.com' }, by)).toBe('full');
    expect(await accounts.find('more@example.com')).toBeUndefined();
  });

  it('changes only what it is told to', async () => {
    const { accounts } = await make(new FakeClock());
    const { id } = await made(accounts, bob);
    expect(await accounts.update(id, { name: 'Robert' }, by)).toMatchObject({
      name: 'Robert',
      avatarUrl: bob.avatarUrl,
    });
    expect(await accounts.update(id, { avatarUrl: '' }, by)).toMatchObject({ name: 'Robert', avatarUrl: undefined });
    expect(await accounts.update('nobody', { name: 'x' }, by)).toBe('absent');
  });

  it('ends sessions one by one, and all of them with the password', async () => {
    const clock = new FakeClock();
    const { accounts } = await make(clock);
    const { id } = await made(accounts, ann);
    await accounts.endSession({ id: 's1', expiresAt: new Date(clock.now().getTime() + 60_000) }, by);
    expect(await accounts.session(id, 's1')).toMatchObject({ ended: true, account: { id, sessionEra: 0 } });
    expect(await accounts.session(id, 's2')).toMatchObject({ ended: false });
    expect(await accounts.session('nobody', 's2')).toBeUndefined();
    expect(await accounts.setPassword(id, 'another hash', by)).toBe(true);
    expect(await accounts.session(id, 's2')).toMatchObject({ account: { sessionEra: 1 } });
    expect(await accounts.credentials('ann@example.com')).toMatchObject({ passwordHash: 'another hash' });
    expect(await accounts.setPassword('nobody', 'x', by)).toBe(false);
  });

  it('notes who did what, and nothing that did not happen', async () => {
    const clock = new FakeClock();
    const { accounts, audit } = await make(clock);
    const account = await made(accounts, ann);
    await accounts.register(ann, 'open', by);
    await accounts.noteLogin(account, by);
    await accounts.update(account.id, { name: 'A', email: 'new@example.com' }, by);
    await accounts.setPassword(account.id, 'another hash', by);
    const expiresAt = clock.now();
    await accounts.endSession({ id: 's1', expiresAt }, by);
    await accounts.endSession({ id: 's1', expiresAt }, by);
    const entries = await audit.list({ limit: 10 });
    expect(entries.map(({ action, kind }) => `${action} ${kind}`)).toEqual([
      'delete Session',
      'update User',
      'update User',
      'login User',
      'create User',
    ]);
    expect(entries.map(({ changed }) => changed).slice(1, 3)).toEqual([['password'], ['email', 'name']]);
    expect(entries[4]).toMatchObject({ ...by, name: 'Ann@Example.com', uid: account.id, namespace: undefined });
    expect(JSON.stringify(entries)).not.toContain('hash');
  });
}
