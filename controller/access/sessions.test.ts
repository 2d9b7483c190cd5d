import { describe, expect, it } from 'vitest';
import { FakeClock } from '../../test/harness/fake-clock.ts';
import type { Account, AccountStore } from './account-store.ts';
import { createMemoryAccountStore } from './memory-account-store.ts';
import { SessionKeys } from './session-keys.ts';
import { Sessions } from './sessions.ts';
import { SessionTokens } from './session-tokens.ts';

const by = { manager: 'rest', user: 'ann@example.com' };

/** Two controllers over one database, with a count of what they ask it. */
async function world() {
  const clock = new FakeClock();
  const accounts = createMemoryAccountStore({ clock });
  const made = await accounts.register({ email: 'Ann@example.com', name: 'Ann', passwordHash: 'x' }, 'open', by);
  if (typeof made === 'string') throw new Error('Nobody was made.');
  const account: Account = made;
  const asked = { count: 0 };
  const counted: Pick<AccountStore, 'session' | 'endSession'> = {
    endSession: (session, writer) => accounts.endSession(session, writer),
    session(accountId, sessionId) {
      asked.count += 1;
      return accounts.session(accountId, sessionId);
    },
  };
  const lifetimeMs = 3_600_000;
  const keys = new SessionKeys({ derive: () => Buffer.alloc(32, 1), rotationMs: 86_400_000, lifetimeMs });
  const controller = () =>
    new Sessions({ accounts: counted, clock, tokens: new SessionTokens({ keys, clock, lifetimeMs }) });
  return { clock, accounts, account, asked, here: controller(), there: controller() };
}

describe('Sessions', () => {
  it('say who it is, in every controller', async () => {
    const { clock, account, here, there } = await world();
    const token = await here.start(account);
    expect(await there.verify(token)).toEqual({
      user: 'ann@example.com',
      admin: true,
      scope: 'admin',
      tokenId: expect.any(String),
      account: { id: account.id, name: 'Ann', emails: ['ann@example.com'] },
      session: { endsAt: new Date(clock.now().getTime() + 3_600_000) },
    });
    expect(await there.verify(`${token}x`)).toBeUndefined();
  });

  it('ask the database now and then only', async () => {
    const { clock, account, asked, here } = await world();
    const token = await here.start(account);
    for (let time = 0; time < 10; time += 1) await here.verify(token);
    expect(asked.count).toBe(1);
    await clock.advance(5_000);
    await here.verify(token);
    expect(asked.count).toBe(2);
  });

  it('end at once where they are ended, and elsewhere within seconds', async () => {
    const { clock, account, here, there } = await world();
    const token = await here.start(account);
    const [identity] = [await here.verify(token), await there.verify(token)];
    await here.end({ id: identity?.tokenId ?? '', expiresAt: clock.now() }, by);
    expect(await here.verify(token)).toBeUndefined();
    await clock.advance(5_000);
    expect(await there.verify(token)).toBeUndefined();
  });

  it('end with the password, and those after it go on', async () => {
    const { accounts, account, here } = await world();
    const before = await here.start(account);
    expect(await here.verify(before)).toBeDefined();
    await accounts.setPassword(account.id, 'y', by);
    here.forget(account.id);
    expect(await here.verify(before)).toBeUndefined();
    const now = await accounts.get(account.id);
    expect(now && (await here.verify(await here.start(now)))).toBeDefined();
  });

  it('show a change of the account at once where it was made', async () => {
    const { accounts, account, here } = await world();
    const token = await here.start(account);
    await here.verify(token);
    await accounts.update(account.id, { email: 'new@example.com' }, by);
    here.forget(account.id);
    expect(await here.verify(token)).toMatchObject({
      user: 'new@example.com',
      account: { emails: ['ann@example.com', 'new@example.com'] },
    });
  });
});
