import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Kind, Resource } from '../../crds/define-kind.ts';
import { Guest } from '../../crds/guest.ts';
import { ProxmoxCluster } from '../../crds/proxmox-cluster.ts';
import { Volume } from '../../crds/volume.ts';
import { systemClock } from '../../controller/clock.ts';
import type { Outcome } from '../../controller/outcome.ts';
import type { Pass, ResourceReader, ResourceWriter } from '../../controller/reconciler.ts';
import { createAgeStreams } from '../../controller/secrets/age-streams.ts';
import { createFakeGuestLinks } from '../../reconcilers/providers/guest/fake.ts';
import { FakeBucket } from '../../reconcilers/providers/object-storage/fake.ts';
import { createFakeArtifactStore } from '../../reconcilers/providers/oci/fake-artifact-store.ts';
import { createClusterObserver } from '../../reconcilers/providers/proxmox/cluster-observer.ts';
import { createClusterPool } from '../../reconcilers/providers/proxmox/cluster-pool.ts';
import { parseMount } from '../../reconcilers/providers/proxmox/mount.ts';
import { tagsFor } from '../../reconcilers/shared/guest-marks.ts';
import { Reservations } from '../../reconcilers/shared/reservations.ts';
import { testGuest, testObject } from '../../reconcilers/shared/testing.ts';
import { volumeReconciler } from '../../reconcilers/volume/reconciler.ts';
import { busyboxLayer, busyboxPath, writeImage } from '../../sandbox/lxc/archive-fixture.ts';
import { lxcAvailability } from '../../sandbox/lxc/availability.ts';
import { createLxcEngine } from '../../sandbox/lxc/lxc-engine.ts';
import { sandboxUnderTest, type SandboxUnderTest } from './proxmox/sandbox-under-test.ts';
import { ProxmoxBench, taskOf } from './proxmox/under-test.ts';

const INSTALLATION = 'a1b2c3d4';
const lxc = await lxcAvailability();
const hasBusybox = statSync(busyboxPath, { throwIfNoEntry: false }) !== undefined;
const obstacle = lxc.available ? (hasBusybox ? undefined : `${busyboxPath} is not there.`) : lxc.reason;
if (obstacle !== undefined) console.info(`Skipped: bytes of volumes in real containers. ${obstacle}`);

describe.skipIf(obstacle !== undefined)('the loop of volumes over real containers', () => {
  let under: SandboxUnderTest;
  let bench: ProxmoxBench;

  beforeAll(async () => {
    const made = await sandboxUnderTest({ engine: (stateDir) => createLxcEngine({ stateDir }) });
    await writeImage(made.archive.path, { layers: [busyboxLayer(['sh', 'cat', 'cp', 'sleep'])] });
    const bytes = readFileSync(made.archive.path);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    under = { ...made, archive: { path: made.archive.path, sizeBytes: bytes.length, sha256 } };
    bench = new ProxmoxBench(under);
  });
  afterAll(async () => {
    await bench.clean();
    await under.close();
  });

  it('carries what one guest wrote to the next, over a keeper, while the guests before are destroyed', async () => {
    const { client, node, signal } = bench;
    const world = volumeWorld(under, await bench.placed());
    const first = await holder('first', 'echo kept > /data/file; sleep 1000');
    await world.settle('first', [first]);
    await ranOnce(first, '/data/file');

    const parked = { ...first, metadata: { ...first.metadata, deletionTimestamp: new Date().toISOString() } };
    await world.settle(undefined, [parked]);
    await bench.succeeded(await client.destroyGuest(node, first.status.vmid ?? 0, signal));

    const second = await holder('second', 'cp /data/file /read; sleep 1000');
    await world.settle('second', [second]);
    await expect(client.guestConfig(node, world.keepers[0] ?? 0, signal)).rejects.toMatchObject({ meaning: 'absent' });
    const rootfs = parseMount((await client.guestConfig(node, second.status.vmid ?? 0, signal)).rootfs ?? '').volume;
    await bench.succeeded(taskOf(await client.startGuest(node, second.status.vmid ?? 0, signal)));
    expect(await contentOf(rootfs, 'read')).toBe('kept\n');
  });

  /** A stopped guest with our marks that mounts the volume and runs a line of shell. */
  async function holder(name: string, script: string): Promise<Guest> {
    const { client, node, signal } = bench;
    const uid = `${createHash('sha256').update(name).digest('hex').slice(0, 8)}-0000-4000-8000-000000000000`;
    const vmid = await bench.made({ tags: tagsFor({ installation: INSTALLATION, uid }), description: '' });
    const changes = { entrypoint: `/bin/sh -c "${script}"`, env: ['PATH=/bin'], description: name };
    await client.configureGuest(node, vmid, changes, signal);
    const { archive } = under;
    const base = testGuest(
      { mounts: [{ volume: 'data', mountPath: '/data' }] },
      { cluster: 'home', node, vmid, created: true },
    );
    const artifact = { ...base.spec.artifact, digest: `sha256:${archive.sha256}`, sizeBytes: archive.sizeBytes };
    return { ...base, metadata: { ...base.metadata, name, uid }, spec: { ...base.spec, artifact } };
  }

  /** Runs the guest until it has written the file, and stops it. */
  async function ranOnce({ status: { vmid = 0 } }: Guest, path: string): Promise<void> {
    const { client, node, signal } = bench;
    const { mounts } = await client.guestConfig(node, vmid, signal);
    await bench.succeeded(taskOf(await client.startGuest(node, vmid, signal)));
    expect(await contentOf(parseMount(mounts['mp0'] ?? '').volume, path.replace('/data/', ''))).toBe('kept\n');
    await bench.succeeded(taskOf(await client.stopGuest(node, vmid, signal)));
  }

  async function contentOf(volid: string, file: string): Promise<string> {
    const path = join(under.sandbox.admin.volumePath(bench.node, volid), file);
    for (let waited = 0; waited < 100 && !statSync(path, { throwIfNoEntry: false })?.size; waited += 1) await sleep(50);
    return readFileSync(path, 'utf8');
  }
});

interface VolumeWorld {
  /** Passes over the volume until it is settled with the guest that is to have it. */
  settle(guest: string | undefined, guests: readonly Guest[]): Promise<void>;
  /** Vmids that keepers had. */
  keepers: number[];
}

function volumeWorld({ client, node, bridge, storages, vmidFrom }: SandboxUnderTest, archive: string): VolumeWorld {
  const stop = new AbortController();
  const clusters = createClusterPool((_, onChange) => ({
    client,
    observer: createClusterObserver({ client, clock: systemClock, intervalMs: 500, onChange }),
  }));
  clusters.ensure('home', { endpoints: [], tokenId: '', tokenSecret: '', tls: {}, perNode: 2 });
  const cluster = testObject(ProxmoxCluster, 'home', {
    endpoints: ['https://pve1.example:8006'],
    tokenSecretRef: { name: 'token' },
    regions: [{ name: 'default', nodes: [node] }],
    storages,
    network: { addressing: 'dhcp', bridge },
    vmidRange: { from: vmidFrom + 500, to: vmidFrom + 600 },
  });
  let volume = testObject(Volume, 'data', { size: '1Gi' });
  let guests: readonly Guest[] = [];
  const objects = (): readonly Resource[] => [cluster, volume, ...guests];
  const ofKind = <R extends Resource>(kind: Kind<R>): R[] =>
    objects().flatMap((object) => (object.kind === kind.kind ? [kind.read(object)] : []));
  const read: ResourceReader = {
    get: (kind, key) => ofKind(kind).find(({ metadata }) => metadata.name === key.name),
    list: ofKind,
    ownedBy: () => [],
  };
  const refuse = (): Promise<never> => Promise.reject(new Error('The loop of volumes writes no other object.'));
  const write: ResourceWriter = { create: refuse, update: refuse, delete: refuse };
  const reconciler = volumeReconciler({
    resources: { read, write },
    clusters,
    reservations: new Reservations(),
    placements: {
      ensure: () => ({ state: 'placed', volid: archive }),
      isPlacing: () => false,
      forget: () => undefined,
    },
    artifacts: createFakeArtifactStore({ clock: systemClock, workDir: '' }),
    installation: INSTALLATION,
    copies: {
      links: createFakeGuestLinks(),
      openBucket: new FakeBucket().open,
      age: createAgeStreams({ keys: [] }),
      readSecret: () => ({ ok: true, values: {} }),
    },
  });
  const keepers: number[] = [];

  async function onePass(): Promise<Outcome> {
    const pass: Pass<Volume> = {
      resource: volume,
      status: structuredClone(volume.status),
      now: new Date(),
      signal: stop.signal,
      log: pino({ level: 'silent' }),
      async checkpoint() {
        volume = { ...volume, status: structuredClone(pass.status) };
      },
      event: () => undefined,
    };
    const outcome = await reconciler.reconcile(pass);
    volume = { ...volume, status: pass.status };
    if (pass.status.keeperVmid !== undefined) keepers.push(pass.status.keeperVmid);
    return outcome;
  }

  return {
    keepers,
    async settle(guest, present) {
      const { guest: _, ...spec } = volume.spec;
      volume = { ...volume, spec: { ...spec, ...(guest !== undefined && { guest }) } };
      guests = present;
      for (let passes = 0; passes < 300; passes += 1) {
        const outcome = await onePass();
        if (outcome.type === 'settled') return;
        if (outcome.type === 'stalled') throw new Error(outcome.message);
        await sleep(100);
      }
      throw new Error(`The volume does not come to rest: ${JSON.stringify(volume.status)}`);
    },
  };
}
