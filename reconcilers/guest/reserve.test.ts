import pino from 'pino';
import { describe, expect, it } from 'vitest';
import type { Resource } from '../../crds/define-kind.ts';
import type { Guest } from '../../crds/guest.ts';
import { ProxmoxCluster } from '../../crds/proxmox-cluster.ts';
import { Volume } from '../../crds/volume.ts';
import type { Outcome } from '../../controller/outcome.ts';
import type { Pass } from '../../controller/reconciler.ts';
import { FakeClock } from '../../test/harness/fake-clock.ts';
import { createClusterObserver } from '../providers/proxmox/cluster-observer.ts';
import { createClusterPool } from '../providers/proxmox/cluster-pool.ts';
import { FakeProxmox } from '../providers/proxmox/fake.ts';
import { UnownedConfigs } from '../shared/unowned-guests.ts';
import { Reservations } from '../shared/reservations.ts';
import { testGuest, testObject, testReader } from '../shared/testing.ts';
import { reserve } from './reserve.ts';

const cluster = clusterNamed('home');

function clusterNamed(name: string): ProxmoxCluster {
  const object = testObject(ProxmoxCluster, name, {
    endpoints: ['https://pve1.example:8006'],
    tokenSecretRef: { name: 'pve-token' },
    regions: [{ name: 'default', nodes: ['pve1', 'pve2'] }],
    storages: { rootfs: 'local-lvm', templates: 'local' },
    network: {
      addressing: 'static',
      bridge: 'vmbr0',
      cidr: '10.40.0.0/24',
      pool: { from: '10.40.0.50', to: '10.40.0.99' },
    },
    vmidRange: { from: 20_000, to: 20_009 },
  });
  return object;
}

function guestNamed(name: string, spec: Record<string, unknown> = {}): Guest {
  const guest = testGuest({ spreadKey: 'shop/web', ...spec });
  return { ...guest, metadata: { ...guest.metadata, name, uid: `uid-${name}` } };
}

/** Chooses for all of them at once, as passes do that run beside each other; none is saved before all have chosen. */
async function reserveAll(guests: readonly Guest[], ...objects: Resource[]): Promise<(Guest['status'] | Outcome)[]> {
  const clock = new FakeClock();
  const proxmox = new FakeProxmox({ clock, nodes: ['pve1', 'pve2'] });
  const clusters = createClusterPool((_, onChange) => ({
    client: proxmox,
    observer: createClusterObserver({ client: proxmox, intervalMs: 2_000, clock, onChange }),
  }));
  const access = { endpoints: [], tokenId: '', tokenSecret: '', tls: {}, perNode: 1 };
  const names = objects.filter(({ kind }) => kind === 'ProxmoxCluster').map(({ metadata }) => metadata.name);
  for (const name of names) clusters.ensure(name, access);
  await clock.advance(100);
  const read = testReader(...guests, ...objects);
  const deps = {
    read,
    clusters,
    reservations: new Reservations(),
    installation: 'a1b2c3d4',
    unowned: new UnownedConfigs(),
    choosing: new Map<string, Guest>(),
  };
  const saved = Promise.withResolvers<void>();
  let waiting = 0;
  const chosen = guests.map(async (resource) => {
    const pass: Pass<Guest> = {
      resource,
      status: resource.status,
      now: clock.now(),
      signal: new AbortController().signal,
      log: pino({ level: 'silent' }),
      event: () => undefined,
      async checkpoint() {
        waiting += 1;
        if (waiting === guests.length) saved.resolve();
        await saved.promise;
      },
    };
    return (await reserve(pass, deps)) ?? pass.status;
  });
  const all = await Promise.all(chosen);
  expect(deps.choosing.size).toBe(0);
  await clusters.close();
  return all;
}

describe('reserve', () => {
  it('counts guests with each other whose choices are not saved yet', async () => {
    const guests = ['a', 'b', 'c', 'd'].map((name) => guestNamed(name, { resources: { memory: '14Gi' } }));
    const all = await reserveAll(guests, cluster);
    expect(all).toMatchObject([{ node: 'pve1' }, { node: 'pve2' }, { node: 'pve1' }, { node: 'pve2' }]);
    expect(new Set(all.map((one) => ('vmid' in one ? one.vmid : 0))).size).toBe(4);
  });

  it('takes no vmid that the keeper of a volume has', async () => {
    const kept = testObject(Volume, 'old', {}, { cluster: 'home', keeperVmid: 20_000 });
    const elsewhere = testObject(Volume, 'other', {}, { cluster: 'away', keeperVmid: 20_001 });
    expect(await reserveAll([guestNamed('a')], cluster, kept, elsewhere)).toMatchObject([{ vmid: 20_001 }]);
  });

  it('takes no address that a guest has just given back: it goes on behind the newest', async () => {
    const had = guestNamed('newest');
    const newest = {
      ...had,
      status: { ...had.status, cluster: 'home', vmid: 20_003, reservedAddress: '10.40.0.53/24' },
    };
    const [chosen] = await reserveAll([guestNamed('a')], cluster, newest);
    expect(chosen).toMatchObject({ reservedAddress: '10.40.0.54/24' });
  });

  it('goes to the cluster and node of its volume', async () => {
    const mounts = [{ volume: 'data', mountPath: '/data' }];
    const volume = testObject(Volume, 'data', {}, { cluster: 'home', node: 'pve2', volid: 'local-lvm:vm-7-disk-0' });
    const clusters = [clusterNamed('first'), cluster];
    const all = await reserveAll([guestNamed('a', { mounts })], ...clusters, volume);
    expect(all).toMatchObject([{ cluster: 'home', node: 'pve2' }]);
  });
});
