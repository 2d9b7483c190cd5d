import PQueue from 'p-queue';
import type { Clock } from '../../controller/clock.ts';
import { archiveFilename, placeArchive } from '../providers/proxmox/place-archive.ts';
import type { ArchiveFile, ProxmoxClient } from '../providers/proxmox/client.ts';
import { ProxmoxFault } from '../providers/proxmox/fault.ts';

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
  /** Starts the placing when it is not under way; throws what the last try came to, once. */
  ensure(target: PlacementTarget, archive: ArchiveFile): Placement;
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
  | { state: 'failed'; error: unknown };

export function createArchivePlacements({
  clock,
  downloadUrl,
  onSettled,
  signal,
}: PlacementsOptions): ArchivePlacements {
  const entries = new Map<string, Entry>();
  const queue = new PQueue({ concurrency: 4 });

  async function place({ client, node, storage }: PlacementTarget, file: ArchiveFile): Promise<string> {
    const filename = archiveFilename(`sha256:${file.sha256}`);
    for (;;) {
      const url = downloadUrl(`sha256:${file.sha256}`);
      const step = await placeArchive(
        client,
        { node, storage, filename, file, ...(url !== undefined && { downloadUrl: url }) },
        signal,
      );
      if ('volid' in step) return step.volid;
      await follow(client, step.upid);
    }
  }

  async function follow(client: ProxmoxClient, upid: string): Promise<void> {
    for (let pauseMs = TASK_POLL_MS; ; pauseMs = Math.min(pauseMs * 1.5, 2_000)) {
      const task = await client.task(upid, signal);
      if (task.status === 'ended' && task.ok) return;
      if (task.status === 'ended') throw new ProxmoxFault('other', `Proxmox could not place the archive: ${task.exit}`);
      if (task.status === 'unknown') return;
      await new Promise<void>((resolve) => clock.after(pauseMs, resolve));
    }
  }

  return {
    ensure(target, archive) {
      const key = `${target.cluster}/${target.node}/${target.storage}/sha256:${archive.sha256}`;
      const entry = entries.get(key);
      if (entry?.state === 'placing') return entry;
      if (entry?.state === 'placed' && clock.monotonicMs() - entry.at < TRUST_MS) return entry;
      if (entry?.state === 'failed') {
        entries.delete(key);
        throw entry.error;
      }
      entries.set(key, { state: 'placing' });
      void queue
        .add(() => place(target, archive))
        .then(
          (volid) => entries.set(key, { state: 'placed', volid, at: clock.monotonicMs() }),
          (error: unknown) => entries.set(key, { state: 'failed', error }),
        )
        .finally(onSettled);
      return { state: 'placing' };
    },
    forget(cluster, digest) {
      for (const key of entries.keys())
        if (key.startsWith(`${cluster}/`) && key.endsWith(`/${digest}`)) entries.delete(key);
    },
  };
}
