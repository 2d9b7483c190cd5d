import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AccessControl } from './access-control.ts';
import { readIdentity } from './identity.ts';
import type { Privilege } from './privileges.ts';

let folder = '';
let access: AccessControl;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'access-'));
  access = new AccessControl(join(folder, 'access.json'));
  access.setRole('Power', ['VM.PowerMgmt', 'VM.Audit']);
  access.setRole('Look', ['VM.Audit']);
});
afterEach(() => rm(folder, { recursive: true }));

function may(who: string, path: string, privilege: Privilege = 'VM.PowerMgmt'): boolean {
  return access.has(readIdentity(who), path, privilege);
}

function give(path: string, subject: string, role: string, propagate = true): void {
  access.setAcl({ path, subject, role, propagate });
}

describe('AccessControl', () => {
  it('lets root@pam do everything, and its tokens without separation', () => {
    access.addToken('root@pam', 'all', false);
    access.addToken('root@pam', 'none', true);
    expect([may('root@pam', '/vms/1'), may('root@pam!all', '/vms/1'), may('root@pam!none', '/vms/1')]).toEqual([
      true,
      true,
      false,
    ]);
  });

  it('hands a role down unless it is not to be', () => {
    give('/vms', 'a@pve', 'Power');
    give('/vms', 'b@pve', 'Power', false);
    expect([may('a@pve', '/vms/100'), may('b@pve', '/vms/100'), may('b@pve', '/vms')]).toEqual([true, false, true]);
  });

  it('lets a rule further down replace what comes from above', () => {
    give('/', 'a@pve', 'Administrator');
    give('/vms/100', 'a@pve', 'Look');
    expect([may('a@pve', '/vms/100'), may('a@pve', '/vms/100', 'VM.Audit'), may('a@pve', '/vms/101')]).toEqual([
      false,
      true,
      true,
    ]);
  });

  it('gives a separated token only what both it and its user have', () => {
    give('/vms', 'a@pve', 'Power');
    access.addToken('a@pve', 't', true);
    expect(may('a@pve!t', '/vms/100')).toBe(false);
    give('/vms', 'a@pve!t', 'Administrator');
    expect([may('a@pve!t', '/vms/100'), may('a@pve!t', '/vms/100', 'VM.Allocate')]).toEqual([true, false]);
  });

  it('adds the rights on a pool to those on its members, for as long as they are members', () => {
    access.putPool('p', { comment: '', guests: [], storages: [] });
    give('/pool/p', 'a@pve', 'Power');
    expect(may('a@pve', '/vms/100')).toBe(false);
    access.addToPool('p', 100);
    expect(may('a@pve', '/vms/100')).toBe(true);
    access.forgetGuest(100);
    expect(may('a@pve', '/vms/100')).toBe(false);
  });

  it('lets NoAccess win over a pool', () => {
    access.putPool('p', { comment: '', guests: [100], storages: [] });
    give('/pool/p', 'a@pve', 'Power');
    give('/vms/100', 'a@pve', 'NoAccess');
    expect(may('a@pve', '/vms/100')).toBe(false);
  });

  it('knows secrets and passwords, before and after a restart', () => {
    const secret = access.addToken('a@pve', 't', true);
    access.addUser('a@pve', 'a password');
    const again = new AccessControl(join(folder, 'access.json'));
    expect([again.knowsToken('a@pve!t', secret), again.knowsToken('a@pve!t', `${secret}x`)]).toEqual([true, false]);
    expect([again.knowsPassword('a@pve', 'a password'), again.knowsPassword('b@pve', '')]).toEqual([true, false]);
  });
});
