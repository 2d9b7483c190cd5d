import { describe, expect, it } from 'vitest';
import { missingPrivileges, pveumCommands, requiredPrivileges, type ClusterNeeds } from './permissions.ts';

const needs: ClusterNeeds = {
  storages: { rootfs: 'local-lvm', templates: 'local' },
  bridge: 'vmbr0',
  nodes: ['pve1'],
};

/** Permissions as Proxmox reports them for exactly what is required. */
function granted(over: Record<string, Record<string, boolean> | undefined> = {}) {
  const tree: Record<string, Record<string, boolean>> = {};
  for (const { path, privileges, propagate } of requiredPrivileges(needs)) {
    for (const privilege of privileges) tree[path] = { ...tree[path], [privilege]: propagate };
  }
  return Object.fromEntries(
    Object.entries({ ...tree, ...over }).flatMap(([path, rights]) => (rights ? [[path, rights]] : [])),
  );
}

function missingAt(tree: Parameters<typeof missingPrivileges>[0], over: Partial<ClusterNeeds> = {}): string[] {
  return missingPrivileges(tree, { ...needs, ...over }).map(
    ({ path, privileges }) => `${path} ${privileges.join(' ')}`,
  );
}

describe('missingPrivileges', () => {
  it('misses nothing when exactly what is required is granted', () => {
    expect(missingAt(granted())).toEqual([]);
  });

  it('misses everything of an empty token, path by path', () => {
    expect(missingAt({}).map((line) => line.split(' ')[0])).toEqual([
      '/',
      '/vms',
      '/storage/local-lvm',
      '/storage/local',
      '/sdn/zones/localnetwork/vmbr0',
      '/nodes/pve1',
    ]);
  });

  it('takes what propagates from above', () => {
    const everything = Object.fromEntries(
      requiredPrivileges(needs).flatMap((one) => one.privileges.map((p) => [p, true])),
    );
    expect(missingAt({ '/': everything })).toEqual([]);
  });

  it('does not take from above what does not propagate', () => {
    const tree = granted({ '/storage/local': undefined, '/storage': { 'Datastore.Audit': false } });
    expect(missingAt(tree)).toEqual(['/storage/local Datastore.Allocate Datastore.AllocateTemplate Datastore.Audit']);
  });

  it('lets a deeper entry replace what comes from above', () => {
    const tree = granted({ '/nodes': { 'Sys.Audit': true }, '/nodes/pve1': { 'Sys.Syslog': true } });
    expect(missingAt(tree)).toEqual(['/nodes/pve1 Sys.Audit']);
  });

  it('wants the rights on /vms to hold for guests that are yet to come', () => {
    const vms = Object.fromEntries(Object.keys(granted()['/vms'] ?? {}).map((privilege) => [privilege, false]));
    expect(missingAt(granted({ '/vms': vms }))[0]).toMatch(/^\/vms VM\.Allocate/);
  });

  it('accepts a vnet of another zone, and a VLAN of the bridge', () => {
    const bridge = '/sdn/zones/localnetwork/vmbr0';
    expect(
      missingAt(granted({ [bridge]: undefined, '/sdn/zones/lab': { 'SDN.Use': true } }), { bridge: 'apps' }),
    ).toEqual([]);
    expect(missingAt(granted({ [bridge]: undefined, [`${bridge}/40`]: { 'SDN.Use': true } }))).toEqual([]);
  });

  it('does not take another bridge for ours', () => {
    const tree = granted({
      '/sdn/zones/localnetwork/vmbr0': undefined,
      '/sdn/zones/localnetwork/vmbr1': { 'SDN.Use': true },
    });
    expect(missingAt(tree)).toEqual(['/sdn/zones/localnetwork/vmbr0 SDN.Use']);
  });

  it('asks for downloads and backups only where they are wanted', () => {
    expect(missingAt(granted(), { downloads: true })).toEqual(['/nodes/pve1 Sys.AccessNetwork']);
    const storages = { ...needs.storages, backups: 'pbs' };
    expect(missingAt(granted(), { storages })).toEqual([
      '/vms VM.Backup',
      '/storage/pbs Datastore.AllocateSpace Datastore.Audit',
    ]);
  });
});

describe('pveumCommands', () => {
  const commands = pveumCommands(needs, { user: 'containr@pve', token: 'main' });

  it('makes each role before it is given to anybody', () => {
    for (const { role } of requiredPrivileges(needs)) {
      const made = commands.findIndex((line) => line.startsWith(`pveum role add ${role} `));
      const given = commands.findIndex((line) => line.includes(`--roles ${role} `));
      expect(made).toBeGreaterThanOrEqual(0);
      expect(given).toBeGreaterThan(made);
    }
  });

  it('ends with the token, whose secret Proxmox then shows', () => {
    expect(commands.at(-1)).toBe('pveum user token add containr@pve main --privsep 0');
  });

  it('gives nothing that only root may have, nor the power to give more', () => {
    const privileges = requiredPrivileges({ ...needs, downloads: true }).flatMap((one) => one.privileges);
    expect(privileges).not.toContain('Permissions.Modify');
    expect(privileges).not.toContain('Sys.Modify');
  });
});
