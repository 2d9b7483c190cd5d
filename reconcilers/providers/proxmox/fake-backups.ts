import type { BackUpGuest, StoredBackup, Upid } from './client.ts';
import type { FakeCluster } from './fake-cluster.ts';
import type { FakeGuest, StoredConfig } from './fake-guest.ts';
import { refuse } from './fake-refuse.ts';
import type { FakeStorage } from './fake-storage.ts';
import { parseMount } from './mount.ts';

/** What is left of a guest's disk after compression, more or less. */
const COMPRESSED = 0.001;

/** A backup with what it takes to bring the guest back. */
export interface FakeBackup {
  volid: string;
  node: string;
  vmid: number;
  sizeBytes: number;
  createdSeconds: number;
  notes: string;
  protected: boolean;
  config: StoredConfig;
  rootBytes: number;
  /** By the key of its config; only those that are marked for backups. */
  volumes: ReadonlyMap<string, { bytes: number; content: string }>;
  /** Damaged on the storage: a restore of it fails. */
  isDamaged: boolean;
}

/** Begins to back up a guest, after the backups that run on its node already; the reason of a failure is in the log only. */
export function spawnBackup(cluster: FakeCluster, node: string, wanted: BackUpGuest): Upid {
  const { vmid, mode } = wanted;
  const elsewhere = cluster.guests.get(vmid);
  if (elsewhere && elsewhere.node !== node)
    refuse(500, `Configuration file 'nodes/${node}/lxc/${vmid}.conf' does not exist`);
  const log: string[] = [];
  let begun: FakeGuest | undefined;
  let wasRunning = false;
  const fail = (why: string): string => {
    log.push(`ERROR: Backup of VM ${vmid} failed - ${why}`);
    return 'job errors';
  };
  const end = (): void => {
    if (begun?.lock === 'backup') begun.lock = undefined;
    if (begun && wasRunning && !begun.running) cluster.run(begun);
  };
  return cluster.tasks.spawn({
    node,
    type: 'vzdump',
    id: String(vmid),
    ms: cluster.taskMs.vzdump + cluster.tasks.remainingMs(node, 'vzdump'),
    log,
    begin: () => {
      const guest = cluster.containerOn(node, vmid);
      if (!guest) return fail(`unable to find VM '${vmid}'`);
      if (guest.lock !== undefined) return fail(`CT is locked (${guest.lock})`);
      begun = guest;
      wasRunning = guest.running;
      guest.lock = 'backup';
      if (mode === 'stop' && wasRunning) cluster.halt(guest);
      return undefined;
    },
    effect: () => {
      const storage = cluster.storages.get(wanted.storage);
      if (!storage?.content.includes('backup'))
        return fail(`could not get storage information for '${wanted.storage}': wrong content type`);
      const problem = begun && keep(cluster, begun, storage, wanted);
      end();
      return problem === undefined ? undefined : fail(problem);
    },
    undo: end,
  });
}

/** As a storage lists it. */
export function listedBackup(backup: FakeBackup): StoredBackup {
  const { volid, sizeBytes, createdSeconds, vmid, notes } = backup;
  return { volid, sizeBytes, createdSeconds, vmid, notes, protected: backup.protected, verification: undefined };
}

function keep(
  cluster: FakeCluster,
  guest: FakeGuest,
  storage: FakeStorage,
  { notes }: BackUpGuest,
): string | undefined {
  const { vmid, node, config } = guest;
  const volumes = new Map<string, { bytes: number; content: string }>();
  for (const [key, text] of Object.entries(config.mounts)) {
    const volume = cluster.volume(parseMount(text).volume);
    if (volume && text.includes('backup=1')) volumes.set(key, { bytes: volume.bytes, content: volume.content });
  }
  const rootBytes = guest.disk?.bytes ?? 0;
  const whole = rootBytes + [...volumes.values()].reduce((sum, { bytes }) => sum + bytes, 0);
  const sizeBytes = Math.ceil(whole * COMPRESSED);
  if (!storage.hasRoomFor(sizeBytes)) return 'zstd: error 70 : Write error : No space left on device';
  const time = cluster.timestamp();
  const volid = `${storage.storage}:backup/vzdump-lxc-${vmid}-${stampOf(time)}.tar.zst`;
  const about = { volid, node, vmid, sizeBytes, notes, createdSeconds: Math.floor(time.getTime() / 1000) };
  storage.keepBackup({ ...about, protected: false, config, rootBytes, volumes, isDamaged: false });
  return undefined;
}

function stampOf(time: Date): string {
  const [day = '', clock = ''] = time.toISOString().slice(0, 19).split('T');
  return `${day.replaceAll('-', '_')}-${clock.replaceAll(':', '_')}`;
}
