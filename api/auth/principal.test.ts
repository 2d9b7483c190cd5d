import { describe, expect, it } from 'vitest';
import { isCalled, principalOf } from './principal.ts';

const account = { id: '6f0c', name: 'Ann', emails: ['old@example.com', 'ann@example.com'] };
const ann = { user: 'ann@example.com', admin: false, scope: 'write', tokenId: 't', account } as const;

describe('principalOf', () => {
  it('says who it is by the account', () => {
    expect(principalOf(ann)).toEqual({ ...account, administrator: false, scope: 'write' });
  });

  it('says who it is without one', () => {
    const admin = { user: 'admin', admin: true, scope: 'admin', tokenId: 't' } as const;
    expect(principalOf(admin)).toEqual({ id: 'admin', emails: [], name: 'admin', administrator: true, scope: 'admin' });
  });
});

describe('isCalled', () => {
  it.each(['ann@example.com', 'ANN@Example.com', 'old@example.com', '6f0c'])('knows an account as %s', (name) => {
    expect(isCalled(ann, name)).toBe(true);
  });

  it.each(['Ann', '', 'bob@example.com', 'ann@example.com ', '\u212Aann@example.com'])('is not called %j', (name) => {
    expect(isCalled(ann, name)).toBe(false);
  });

  it('knows a token without an account by what it was made for, whatever its case', () => {
    expect(isCalled({ user: 'Ci@example.com' }, 'ci@EXAMPLE.com')).toBe(true);
    expect(isCalled({ user: 'admin' }, 'ann@example.com')).toBe(false);
  });
});
