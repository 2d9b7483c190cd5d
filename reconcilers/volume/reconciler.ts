import { settled, stalled, waiting, type Outcome } from '../../controller/outcome.ts';
import { watching, type Pass, type Reconciler, type Resources } from '../../controller/reconciler.ts';
import { conditionIs } from '../../crds/condition.ts';
import { Backup, Restore } from '../../crds/backup.ts';
import { Guest } from '../../crds/guest.ts';
import { ProxmoxCluster } from '../../crds/proxmox-cluster.ts';
import { Volume } from '../../crds/volume.ts';
import type { ArtifactStore } from '../providers/oci/artifact-store.ts';
import type { ClusterConnection, ClusterPool } from '../providers/proxmox/cluster-pool.ts';
import { grantsChanged } from '../shared/adoption-grants.ts';
import type { ArchivePlacements } from '../shared/archive-placements.ts';
import { uidInTags } from '../shared/guest-marks.ts';
import type { Reservations } from '../shared/reservations.ts';
import { Setbacks } from '../shared/setbacks.ts';
import { tellInReady } from '../shared/tell-in-ready.ts';
import type { Trouble } from '../shared/trouble.ts';
import { UnownedConfigs } from '../shared/unowned-guests.ts';
import { actOnVolume } from './act.ts';
import { findDisk, isUnmade, settleAdoption } from './adopt.ts';
import { goOnExchanging, isReadyToExchange, keepStill } from './exchange.ts';
import { VolumeFilling, type FillingDeps } from './filling.ts';
import { followTask } from './follow-task.ts';
import { observeVolume } from './observe.ts';
import { wantedGiB } from './plan-size.ts';
import { planVolume } from './plan.ts';
import { reportVolume } from './report.ts';
import { restoreNode } from './restore-node.ts';
import { sourceOf, type SourceBackup, type VolumeSource } from './source.ts';
import { isReleased, wantedPlace, type Wanted } from './wanted.ts';

export interface VolumeDeps {
  resources: Resources;
  clusters: ClusterPool;
  /** Shared with the guests' loop: both take vmids. */
  reservations: Reservations;
  placements: ArchivePlacements;
  artifacts: ArtifactStore;
  installation: string;
  /** Brings back copies of backups whose archives are gone. */
  copies: Omit<FillingDeps, 'resources' | 'installation'>;
}

/** Between two close looks at settled volumes of one cluster. */
const LOOK_EVERY_MS = 10_000;
const PARKED = { where: 'parked' } as const;

/** Keeps a disk that outlives guests: made once, moved to the guest that is to have it, parked when none is. */
export function volumeReconciler(deps: VolumeDeps): Reconciler<Volume> {
  const { read } = deps.resources;
  const setbacks = new Setbacks();
  const unowned = new UnownedConfigs();
  const lastLooks = new Map<string, number>();
  let wakeUid: (uid: string) => void = () => undefined;
  const filling = new VolumeFilling({ ...deps, ...deps.copies }, (uid) => wakeUid(uid));

  return {
    kind: Volume,
    owns: [Guest],
    watches: [
      watching(ProxmoxCluster, (cluster, _, previous) =>
        grantsChanged(cluster, previous)
          ? read.list(Volume).flatMap(({ metadata, status }) => (status.volid === undefined ? metadata : []))
          : [],
      ),
      watching(Guest, ({ metadata }) =>
        read
          .list(Volume, metadata.namespace)
          .filter(
            ({ spec, status }) =>
              spec.guest === metadata.name ||
              status.attachedUid === metadata.uid ||
              status.moving?.uid === metadata.uid,
          )
          .map((volume) => volume.metadata),
      ),
      watching(Backup, ({ metadata }) =>
        read
          .list(Volume, metadata.namespace)
          .filter(({ spec, status }) => spec.source?.backup === metadata.name && status.volid === undefined)
          .map((volume) => volume.metadata),
      ),
      watching(Restore, ({ metadata, spec }) =>
        spec.target.kind === 'Volume' ? [{ namespace: metadata.namespace, name: spec.target.name }] : [],
      ),
      watching(Volume, ({ metadata, status }) =>
        read
          .list(Volume, metadata.namespace)
          .filter(
            (other) => other.metadata.uid === status.exchange?.with || other.status.exchange?.with === metadata.uid,
          )
          .filter((other) => other.metadata.uid !== metadata.uid)
          .map((other) => other.metadata),
      ),
    ],

    attach(wake, signal) {
      wakeUid = (uid) => {
        const volume = read.list(Volume).find(({ metadata }) => metadata.uid === uid);
        if (volume) wake(volume.metadata);
      };
      signal.addEventListener('abort', () => filling.stopAll(), { once: true });
      const stop = deps.clusters.onChange((cluster, vmids) => {
        const changed = new Set<number | undefined>(vmids);
        for (const { metadata, status } of read.list(Volume)) {
          const isTouched = [status.vmid, status.moving?.vmid, status.keeperVmid].some(
            (vmid) => vmid !== undefined && changed.has(vmid),
          );
          if (status.cluster === cluster && isTouched) wake(metadata);
        }
      });
      signal.addEventListener('abort', stop, { once: true });
    },

    reconcile: (pass) => run(pass),

    async finalize(pass) {
      const { status } = pass;
      if (status.moving === undefined && status.vmid === undefined && status.keeperVmid === undefined) return settled();
      const outcome = await run(pass);
      const isGone = outcome.type === 'stalled' && outcome.reason === 'VolumeMissing';
      if (isGone) pass.event('Warning', 'VolumeMissing', outcome.message);
      if (!isGone && outcome.type !== 'settled') return outcome;
      setbacks.clear(pass.resource.metadata.uid);
      return settled();
    },
  };

  async function run(pass: Pass<Volume>): Promise<Outcome> {
    const step = await filling.begin(pass);
    if (!step) return place(pass, pass.resource);
    if ('outcome' in step) return notReady(pass, step.outcome);
    const outcome = await place(pass, step.volume);
    return notReady(pass, outcome.type === 'settled' ? await filling.fill(pass, step) : outcome);
  }

  /** `resource` says where the volume is to be now. */
  async function place(pass: Pass<Volume>, resource: Volume): Promise<Outcome> {
    const adopting =
      (await findDisk(pass, { ...deps, read, unowned })) ?? (await settleAdoption(pass, { ...deps, read, unowned }));
    if (adopting) return notReady(pass, adopting);
    const exchanging = await goOnExchanging(pass, { ...deps, read });
    if (exchanging) return notReady(pass, exchanging);
    const isLeaving = pass.status.exchange?.stage === 'leaving';
    const guests = read.list(Guest, resource.metadata.namespace);
    const wanted = isLeaving ? PARKED : wantedPlace(resource, guests);
    if (wanted.where === 'guest' && isUnmade(pass.status) && wanted.guest.status.adoptedFrom !== undefined)
      return notReady(pass, waiting('Adopting', `Guest ${wanted.vmid}, which has it, was just taken over.`, 200));
    const source = sourceOf({ ...resource, status: pass.status }, read);
    const name = pass.status.cluster ?? firstCluster(resource, wanted, source);
    const cluster = name === undefined ? undefined : read.get(ProxmoxCluster, { name });
    const connection = name === undefined ? undefined : deps.clusters.get(name);
    if (name === undefined) return notReady(pass, beforeAll(wanted, source));
    if (!cluster || !connection) {
      const message = `The ProxmoxCluster ${name} is not connected; the volume is there.`;
      return notReady(pass, waiting('ProviderUnavailable', message, 5_000));
    }
    const following = await followTask(pass, connection, setbacks);
    if (following) return notReady(pass, steady(following, setbacks.last(resource.metadata.uid)));
    if (!isLeaving && isAtRest(pass, wanted, connection) && !isLookDue(name, pass.now)) return settled();

    const { installation } = deps;
    const facts = await observeVolume(connection, resource, pass.status, installation, pass.signal);
    const { volid } = pass.status;
    if (isReadyToExchange(pass.status, facts)) return keepStill(pass);
    const released = isLeaving || isReleased({ status: pass.status }, guests);
    const plan = planVolume({ volume: resource, status: pass.status, facts, wanted, source, released, now: pass.now });
    pass.status = reportVolume(resource, pass.status, { facts, wanted, plan }, pass.now);
    if (volid !== undefined && pass.status.volid !== volid)
      pass.event('Warning', 'DriftCorrected', `Guest ${pass.status.vmid} has ${pass.status.volid} where ${volid} was.`);

    const { uid } = resource.metadata;
    switch (plan.do) {
      case 'stall':
        return stalled(plan.reason, plan.message, 60_000);
      case 'wait':
        return waiting(plan.reason, plan.message, plan.checkAfterMs);
      case 'nothing':
        setbacks.clear(uid);
        return settled();
      default: {
        const setback = setbacks.last(uid);
        const restMs = setbacks.restMs(uid, pass.now);
        if (setback && restMs > 0) return notReady(pass, waiting(setback.reason, setback.message, restMs));
        const resources = connection.observer.view()?.resources;
        const node = source?.ok && resources && restoreNode(source.backup, resource.spec.region, cluster, resources);
        if (source?.ok && plan.do === 'reserveKeeper' && !node) return notReady(pass, nowhere(source.backup, resource));
        const context = { ...deps, pass, connection, cluster, read, restoreNode: node || undefined };
        if (plan.do !== 'restore') return actOnVolume(context, plan);
        return notReady(pass, steady(await actOnVolume(context, plan), setback));
      }
    }
  }

  /** Nothing is open about it, and the shared list shows the guest that has it as ours: no call is needed. */
  function isAtRest({ resource, status }: Pass<Volume>, wanted: Wanted, { observer }: ClusterConnection): boolean {
    const { metadata } = resource;
    const isThere =
      wanted.where === 'guest'
        ? status.attachedUid === wanted.guest.metadata.uid && status.keeperVmid === undefined
        : wanted.where === 'parked' && status.vmid !== undefined && status.vmid === status.keeperVmid;
    const view = observer.view();
    const row = view?.resources.guests.find(({ vmid }) => vmid === status.vmid);
    const holderUid = wanted.where === 'guest' ? status.attachedUid : metadata.uid;
    return (
      isThere &&
      metadata.deletionTimestamp === undefined &&
      status.moving === undefined &&
      status.size === `${wantedGiB(resource)}Gi` &&
      status.observedGeneration === metadata.generation &&
      conditionIs(status.conditions, 'Ready', 'True') &&
      view?.fresh === true &&
      row !== undefined &&
      row.lock === undefined &&
      // Of a guest that is stopped a hand may take the volume without a trace in the list.
      (wanted.where !== 'guest' || row.status === 'running') &&
      uidInTags(row.tags, deps.installation) === holderUid
    );
  }

  function isLookDue(cluster: string, now: Date): boolean {
    if (now.getTime() - (lastLooks.get(cluster) ?? 0) < LOOK_EVERY_MS) return false;
    lastLooks.set(cluster, now.getTime());
    return true;
  }
}

/** A restore that failed before is tried again under the words that it failed with. */
function steady(outcome: Outcome, setback: Trouble | undefined): Outcome {
  if (outcome.type !== 'waiting' || setback?.reason !== 'BackupUnreadable') return outcome;
  return { ...outcome, ...setback };
}

/** Where it is made: with its backup, or with its first guest. */
function firstCluster(volume: Volume, wanted: Wanted, source: VolumeSource | undefined): string | undefined {
  if (volume.spec.source !== undefined) return source?.ok ? source.backup.cluster : undefined;
  return wanted.where === 'guest' ? wanted.guest.status.cluster : undefined;
}

function nowhere({ name, storage, node }: SourceBackup, { spec }: Volume): Outcome {
  const message = `No node of region "${spec.region}" that answers has the storage ${storage} with Backup ${name}, which was taken on ${node}.`;
  return waiting('Unschedulable', message, 10_000);
}

/** Nothing was made, and nothing decides yet on which cluster it will be. */
function beforeAll(wanted: Wanted, source: VolumeSource | undefined): Outcome {
  if (source && !source.ok) {
    const { isFinal, reason, message } = source;
    return isFinal ? stalled(reason, message, 60_000) : waiting(reason, message, 60_000);
  }
  switch (wanted.where) {
    case 'impossible':
      return stalled('Rejected', wanted.message);
    case 'undecided':
      return waiting('WaitingForGuest', wanted.message, 30_000);
    case 'parked':
    case 'guest':
      return waiting('VolumeUnused', 'It is made when a guest first needs it.', 5 * 60_000);
    default:
      return wanted satisfies never;
  }
}

function notReady(pass: Pass<Volume>, outcome: Outcome): Outcome {
  if (outcome.type === 'settled') return outcome;
  const { generation } = pass.resource.metadata;
  pass.status.conditions = tellInReady(pass.status.conditions, outcome, { generation, now: pass.now });
  return outcome;
}
