import { Backup } from '../../crds/backup.ts';
import { durationMs } from '../../crds/duration.ts';
import { Guest } from '../../crds/guest.ts';
import { ProxmoxCluster } from '../../crds/proxmox-cluster.ts';
import { Secret } from '../../crds/secret.ts';
import { Volume } from '../../crds/volume.ts';
import { advance } from '../../controller/machine.ts';
import { settled, stalled, waiting, type Outcome } from '../../controller/outcome.ts';
import { watching, type Pass, type Reconciler } from '../../controller/reconciler.ts';
import { tellInReady } from '../shared/tell-in-ready.ts';
import type { Trouble } from '../shared/trouble.ts';
import { ArchiveWatch, LISTED_FOR_MS } from './archive-watch.ts';
import { removeArchives, removeTrial } from './clean-up.ts';
import type { BackupDeps, StepContext } from './context.ts';
import { CopyWork } from './copy-work.ts';
import { copyBackup } from './copy.ts';
import { keepCredentials } from './credentials.ts';
import { isGood, isLost, withFailure } from './failure.ts';
import { finalizeBackup } from './finalize.ts';
import { BackupContext, backupMachine, type BackupFacts, type BackupState } from './machine.ts';
import { awaited } from './prepare.ts';
import { readBack } from './read-back.ts';
import { reportBackup } from './report.ts';
import { take } from './take.ts';

const HELD_CHECK_MS = 15_000;
const TURN_CHECK_MS = 5_000;

/** Takes a backup, restores it beside what it is of and reads it; keeps an eye on its archive after that. */
export function backupReconciler(deps: BackupDeps): Reconciler<Backup> {
  const { read } = deps.resources;
  const watch = new ArchiveWatch();
  let wake: (uid: string) => void = () => undefined;
  const copying = new CopyWork(deps, (uid) => wake(uid));
  /** By cluster and node. Passes run side by side, and the cache is a moment old: a turn that was given is not free. */
  const letIn = new Map<string, string>();

  const whileIn: Record<BackupState, (pass: Pass<Backup>, wait: Trouble | undefined) => Promise<Outcome>> = {
    async Pending(_, wait) {
      const { reason, message } = wait ?? { reason: 'Waiting', message: 'The backup is about to be taken.' };
      const isSoonOver = reason === 'BackupQueued' || reason === 'Locked';
      return waiting(reason, message, isSoonOver ? TURN_CHECK_MS : HELD_CHECK_MS);
    },
    Taking: (pass) => connected(pass, async (context) => (await keepCredentials(context)) ?? take(context)),
    Verifying: (pass) => connected(pass, readBack),
    async Completed(pass) {
      return (
        (await copyBackup({ ...deps, pass }, copying)) ??
        (await removeTrial({ pass, resources: deps.resources })) ??
        settled(LISTED_FOR_MS)
      );
    },
    async Expired(pass) {
      copying.stop(pass.resource.metadata.uid);
      const left = await removeTrial({ pass, resources: deps.resources });
      return left ?? stalled('ArchiveMissing', 'The archive is not on its storage any more.', LISTED_FOR_MS);
    },
    Failed: (pass) =>
      connected(pass, async (context) => {
        const left = await removeTrial({ pass, resources: deps.resources });
        if (left) return left;
        // One that is there in full goes with the object: somebody may want to look at it.
        const half = pass.status.volid === undefined ? await removeArchives(context) : undefined;
        return half ?? stalled(pass.status.failureReason ?? 'BackupFailed', pass.status.failure ?? 'It failed.');
      }),
  };

  return {
    kind: Backup,
    owns: [Guest, Volume, Secret],
    watches: [
      watching(Backup, (other, cache, previous) => {
        const isNews = previous?.status.phase === 'Taking' && other.status.phase !== 'Taking';
        if (!isNews) return [];
        const { cluster, node } = other.status;
        return cache
          .list(Backup)
          .filter(({ status }) => status.phase === 'Pending' && status.cluster === cluster && status.node === node)
          .map(({ metadata }) => metadata);
      }),
    ],

    attach(wakeKey, signal) {
      wake = (uid) => {
        const backup = read.list(Backup).find(({ metadata }) => metadata.uid === uid);
        if (backup) wakeKey(backup.metadata);
      };
      signal.addEventListener('abort', () => copying.stopAll(), { once: true });
    },

    async reconcile(pass) {
      const { metadata, spec } = pass.resource;
      const now = pass.now.getTime();
      const deadlineMs = durationMs(spec.deadline);
      const before = pass.status.machine?.state;
      const { facts, wait } = await look(pass);
      const progress = advance(backupMachine, pass.status.machine, {
        // Protecting a backup, or having it verified, must not take another one.
        generation: 1,
        context: BackupContext,
        input: { deadlineMs, now },
        event: { type: 'OBSERVED', facts, now, deadlineMs },
      });
      const { state } = progress;
      const moved = state !== before;
      // It ran out of time, or a later trial of a good one did.
      if (moved && (state === 'Failed' || (state === 'Completed' && before === 'Verifying' && !facts.proven)))
        pass.status = withFailure(pass.resource, pass.status);
      pass.status = reportBackup(pass.resource, { ...pass.status, machine: progress }, state, pass.now);
      if (moved) {
        tell(pass, state, before);
        if (state !== 'Taking') release(metadata.uid);
        if (state !== 'Pending') await pass.checkpoint();
      }
      const outcome = await whileIn[state](pass, wait);
      const isOpen = state === 'Pending' || state === 'Taking' || state === 'Verifying';
      // What a step found out stands in the conditions at once.
      pass.status = reportBackup(pass.resource, pass.status, state, pass.now);
      if (isOpen && outcome.type !== 'settled')
        pass.status.conditions = tellInReady(pass.status.conditions, outcome, { ...metadata, now: pass.now });
      return outcome;
    },

    async finalize(pass) {
      release(pass.resource.metadata.uid);
      return finalizeBackup(pass, deps, copying);
    },
  };

  async function look(pass: Pass<Backup>): Promise<{ facts: BackupFacts; wait: Trouble | undefined }> {
    const { spec } = pass.resource;
    const isPending = (pass.status.phase ?? 'Pending') === 'Pending' && pass.status.failure === undefined;
    const wait = isPending ? await awaited(pass, deps, letIn) : undefined;
    if (wait?.reason === 'Rejected') pass.status = { ...pass.status, failure: wait.message, failureReason: 'Rejected' };
    // Asked for no more: what an earlier trial came to is of no interest.
    if (!spec.verify && isGood(pass.status) && !isLost(pass.status)) forget(pass);
    const { status } = pass;
    const isRead = status.checksum !== undefined && status.trial !== undefined;
    return {
      wait,
      facts: {
        failed: isLost(status),
        unproven: isGood(status) && status.failure !== undefined && !isLost(status),
        good: isGood(status),
        admitted: isPending && wait === undefined,
        taken: status.volid !== undefined,
        proven: isRead && (spec.verify ? status.verified : true),
        gone: await isGone(pass),
        unqueried: spec.verify && !status.verified && status.failure === undefined && status.trial === undefined,
      },
    };
  }

  /** Missed by two listings with time between them: a storage may be away for a while. */
  async function isGone(pass: Pass<Backup>): Promise<boolean> {
    const { phase, cluster, node, storage, volid, missingSince, completedAt } = pass.status;
    if (phase !== 'Completed' && phase !== 'Expired') return false;
    const connection = deps.clusters.get(cluster ?? '');
    if (!connection || cluster === undefined || node === undefined || storage === undefined || volid === undefined)
      return phase === 'Expired';
    const since = new Date(missingSince ?? completedAt ?? 0);
    const place = { cluster, node, storage };
    const volids = await watch.volids(connection.client, place, { since, now: pass.now }, pass.signal);
    if (!volids) return phase === 'Expired';
    if (volids.has(volid)) {
      delete pass.status.missingSince;
      return false;
    }
    if (missingSince === undefined) pass.status.missingSince = pass.now.toISOString();
    return missingSince !== undefined && pass.now.getTime() - Date.parse(missingSince) >= LISTED_FOR_MS;
  }

  async function connected(pass: Pass<Backup>, step: (context: StepContext) => Promise<Outcome>): Promise<Outcome> {
    const { cluster = '' } = pass.status;
    const connection = deps.clusters.get(cluster);
    if (connection) return step({ ...deps, pass, connection });
    if (pass.status.phase === 'Failed' && !read.get(ProxmoxCluster, { name: cluster }))
      return stalled(pass.status.failureReason ?? 'BackupFailed', pass.status.failure ?? 'It failed.');
    return waiting('ProviderUnavailable', `The ProxmoxCluster ${cluster} is not connected.`, TURN_CHECK_MS);
  }

  function release(uid: string): void {
    for (const [place, holder] of letIn) if (holder === uid) letIn.delete(place);
  }
}

function forget(pass: Pass<Backup>): void {
  const { failure: _, failureReason: __, ...rest } = pass.status;
  pass.status = rest;
}

function tell(pass: Pass<Backup>, state: BackupState, before: string | undefined): void {
  const { failure, failureReason, volid, storage, sizeBytes, verified, restoreTime } = pass.status;
  if (state === 'Taking') pass.event('Normal', 'Started', 'The backup is being taken.');
  if (state === 'Failed') pass.event('Warning', failureReason ?? 'BackupFailed', failure ?? 'The backup failed.');
  if (state === 'Expired')
    pass.event('Warning', 'ArchiveMissing', `The archive ${volid} is not on storage ${storage} any more.`);
  if (state !== 'Completed' || before === 'Expired') return;
  if (failure !== undefined) pass.event('Warning', failureReason ?? 'ReadBackFailed', failure);
  else if (verified) pass.event('Normal', 'RestoreVerified', `A restored copy was queried after ${restoreTime}.`);
  else pass.event('Normal', 'BackupCompleted', `${sizeBytes} bytes were taken and read back.`);
}
