import PQueue from 'p-queue';
import { Backoff } from '../../controller/backoff.ts';
import type { Clock } from '../../controller/clock.ts';
import { archiveFilename, placeArchive } from '../providers/proxmox/place-archive.ts';
import type { ArchiveFile, ProxmoxClient } from '../providers/proxmox/client.ts';
import { ProxmoxFault } from '../providers/proxmox/fault.ts';
import { meaningOfExit } from '../providers/proxmox/refusals.ts';

export interface PlacementTarget {
  cluster: string;
  client: ProxmoxClient;
  node: string;
  storage: string;
}

/** Where a placement is: `volid` once it is there. */
export type Placement = { state: 'placed'; volid: string } | { state: 'placing' };

/** Brings archives to template storages, each at most once at a time, however many guests wait for it. */
export interface ArchivePlacements {
  /** Starts the placing when it is not under way; for a while after a try that failed, throws what that came to. */
  ensure(target: PlacementTarget, archive: ArchiveFile): Placement;
  /** True while the archive is on its way to a storage of the cluster. */
  isPlacing(cluster: string, digest: string): boolean;
  /** The archive was removed from a storage. */
  forget(cluster: string, digest: string): void;
}

interface PlacementsOptions {
  clock: Clock;
  /** Where a node can fetch an archive from; undefined: it is uploaded. */
  downloadUrl: (digest: string) => string | undefined;
  /** Something was placed, or failed: whoever waits should look again. */
  onSettled: () => void;
  signal: AbortSignal;
}

const TASK_POLL_MS = 100;
/** A placement that was seen is looked for again after this long: admins delete archives. */
const TRUST_MS = 10 * 60_000;

type Entry =
  | { state: 'placing' }
  | { state: 'placed'; volid: string; at: number }
  | { state: 'failed'; error: unknown; untilMs: number };

export function createArchivePlacements({
  clock,
  downloadUrl,
  onSettled,
  signal,
}: PlacementsOptions): ArchivePlacements {
  const entries = new Map<string, Entry>();
  const failing = new Backoff({ baseMs: 5_000 });
  const queue = new PQueue({ concurrency: 4 });

  async function place({ cluster, client, node, storage }: PlacementTarget, file: ArchiveFile): Promise<string> {
    const filename = archiveFilename(`sha256:${file.sha256}`);
    for (;;) {
      const url = downloadUrl(`sha256:${file.sha256}`);
      const step = await placeArchive(
        client,
        { node, storage, filename, file, ...(url !== undefined && { downloadUrl: url }) },
        signal,
      );
      if ('volid' in step) return step.volid;
      await follow({ cluster, client, node, storage }, step.upid);
    }
  }

  async function follow({ client, node, storage }: PlacementTarget, upid: string): Promise<void> {
    for (let pauseMs = TASK_POLL_MS; ; pauseMs = Math.min(pauseMs * 1.5, 2_000)) {
      const task = await client.task(upid, signal);
      if (task.status === 'ended' && task.ok) return;
      if (task.status === 'ended') throw failure(task.exit, { node, storage });
      if (task.status === 'unknown') return;
      await new Promise<void>((resolve) => clock.after(pauseMs, resolve));
    }
  }

  async function run(key: string, target: PlacementTarget, archive: ArchiveFile): Promise<void> {
    try {
      const volid = await queue.add(() => place(target, archive));
      failing.reset(key);
      entries.set(key, { state: 'placed', volid, at: clock.monotonicMs() });
    } catch (error) {
      entries.set(key, { state: 'failed', error, untilMs: clock.monotonicMs() + failing.next(key) });
    }
    onSettled();
  }

  function isFor(key: string, cluster: string, digest: string): boolean {
    return key.startsWith(`${cluster}/`) && key.endsWith(`/${digest}`);
  }

  return {
    ensure(target, archive) {
      const key = `${target.cluster}/${target.node}/${target.storage}/sha256:${archive.sha256}`;
      const entry = entries.get(key);
      if (entry?.state === 'placing') return entry;
      if (entry?.state === 'placed' && clock.monotonicMs() - entry.at < TRUST_MS) return entry;
      if (entry?.state === 'failed' && clock.monotonicMs() < entry.untilMs) throw entry.error;
      entries.set(key, { state: 'placing' });
      void run(key, target, archive);
      return { state: 'placing' };
    },
    isPlacing: (cluster, digest) =>
      [...entries].some(([key, { state }]) => state === 'placing' && isFor(key, cluster, digest)),
    forget(cluster, digest) {
      for (const [key, { state }] of entries) {
        if (state === 'placing' || !isFor(key, cluster, digest)) continue;
        failing.reset(key);
        entries.delete(key);
      }
    },
  };
}

function failure(exit: string, { node, storage }: { node: string; storage: string }): ProxmoxFault {
  const meaning = meaningOfExit(exit);
  const advice =
    meaning === 'storageFull'
      ? ' Free space on it, or name another in spec.storages.templates of the ProxmoxCluster.'
      : '';
  return new ProxmoxFault(
    meaning,
    `Proxmox could not place the archive on storage "${storage}" of ${node}: ${exit}.${advice}`,
  );
}
