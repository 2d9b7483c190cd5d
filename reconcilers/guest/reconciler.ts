import { settled, stalled, waiting, type Outcome } from '../../controller/outcome.ts';
import type { Pass, Reconciler, Resources } from '../../controller/reconciler.ts';
import type { LogStore } from '../../controller/logs.ts';
import { controllerOf } from '../../controller/object-key.ts';
import { Deployment } from '../../crds/deployment.ts';
import { Guest } from '../../crds/guest.ts';
import { Job } from '../../crds/job.ts';
import { CORRECT_DRIFT } from '../../crds/meta.ts';
import { ProxmoxCluster } from '../../crds/proxmox-cluster.ts';
import { Volume } from '../../crds/volume.ts';
import type { GuestLinks } from '../providers/guest/guest-links.ts';
import type { HealthMonitor } from '../providers/guest/health-monitor.ts';
import type { ArtifactStore } from '../providers/oci/artifact-store.ts';
import type { ClusterPool } from '../providers/proxmox/cluster-pool.ts';
import type { ArchivePlacements } from '../shared/archive-placements.ts';
import type { Reservations } from '../shared/reservations.ts';
import { Setbacks } from '../shared/setbacks.ts';
import type { Signal } from '../shared/signal.ts';
import { tellInReady } from '../shared/tell-in-ready.ts';
import { UnownedConfigs } from '../shared/unowned-guests.ts';
import { actOnGuest } from './act.ts';
import { secretUid, takeOver } from './adopt.ts';
import { AuditTurns } from './audit-turns.ts';
import { isLongUnhealthy, noteSteady, noteStop } from './crash.ts';
import { driftCondition, driftOf, driftPolicy, leftAlone } from './drift.ts';
import { desiredGuest, type DesiredGuest } from './desired.ts';
import { environmentShape, resolveEnvironment } from './environment.ts';
import { finalizeGuest } from './finalize.ts';
import { noteEnd } from './finish.ts';
import { followTask } from './follow-task.ts';
import { lookInside, supervisorSecret } from './look-inside.ts';
import { awaitedVolume, unknownDisks, yieldedVolume } from './mounts.ts';
import { observeGuest, type GuestFacts } from './observe.ts';
import { planGuest } from './plan.ts';
import { referenceReader, type ReadSecret } from './references.ts';
import { isHeld, NO_ADDRESS, readyCheckAfterMs, reportGuest, type LiveFacts } from './report.ts';
import { reserve } from './reserve.ts';
import { guestWatches } from './watches.ts';

export interface GuestDeps {
  resources: Resources;
  clusters: ClusterPool;
  reservations: Reservations;
  placements: ArchivePlacements;
  artifacts: ArtifactStore;
  links: GuestLinks;
  health: HealthMonitor;
  logs: LogStore;
  readSecret: ReadSecret;
  /** Names this installation on its guests. */
  installation: string;
  /** What the supervisors' secrets are derived from. */
  guestKey: string;
  /** What the configurations of guests are encrypted with; 32 bytes. */
  configKey: Buffer;
  /** Uids of guests whose supervisor or health said something new. */
  changed: Signal<string>;
  /** Archives were placed somewhere: guests that are to be made of them should look again. */
  placed: Signal<void>;
}

/** What it waits for wakes it. */
const HELD_CHECK_MS = 15_000;
const NO_VM = 'Virtual machines are not offered by this version. Set runtime to "lxc".';

/** Keeps one LXC guest as its Guest says, from before it is made until after it is gone. */
export function guestReconciler(deps: GuestDeps): Reconciler<Guest> {
  const audits = new AuditTurns();
  const setbacks = new Setbacks();
  const unowned = new UnownedConfigs();
  const choosing = new Map<string, Guest>();
  const readReference = referenceReader(deps.resources.read, deps.readSecret);

  return {
    kind: Guest,
    workers: 16,
    watches: guestWatches,

    attach(wake, signal) {
      const { read } = deps.resources;
      deps.changed.subscribe((uid) => {
        const guest = read.list(Guest).find(({ metadata }) => metadata.uid === uid);
        if (guest) wake(guest.metadata);
      }, signal);
      deps.placed.subscribe(() => {
        for (const { metadata, status } of read.list(Guest))
          if (!status.created && status.vmid !== undefined) wake(metadata);
      }, signal);
      const stop = deps.clusters.onChange((cluster, vmids) => {
        const changed = new Set(vmids);
        for (const { metadata, status } of read.list(Guest)) {
          if (status.cluster === cluster && status.vmid !== undefined && changed.has(status.vmid)) wake(metadata);
        }
      });
      signal.addEventListener('abort', stop, { once: true });
    },

    async reconcile(pass) {
      if (pass.resource.spec.runtime === 'vm') return notReady(pass, stalled('UnsupportedSpec', NO_VM));
      const blocked = await reserve(pass, {
        read: deps.resources.read,
        clusters: deps.clusters,
        reservations: deps.reservations,
        installation: deps.installation,
        unowned,
        choosing,
      });
      if (blocked) return notReady(pass, blocked);

      const cluster = deps.resources.read.get(ProxmoxCluster, { name: pass.status.cluster ?? '' });
      const connection = deps.clusters.get(pass.status.cluster ?? '');
      if (!cluster || !connection) {
        const message = `The ProxmoxCluster ${pass.status.cluster} is not connected.`;
        return notReady(pass, waiting('ProviderUnavailable', message, 5_000));
      }
      const following = await followTask(pass, connection, setbacks);
      if (following) return notReady(pass, following);

      const { uid } = pass.resource.metadata;
      const environment = resolveEnvironment(pass.resource, readReference);
      const desired = desiredGuest({
        guest: { ...pass.resource, status: pass.status },
        network: cluster.spec.network,
        installation: deps.installation,
        environment: environment.ok ? environment.env : undefined,
        shape: environmentShape(pass.resource),
        secret: supervisorSecret(deps.guestKey, secretUid(pass)),
        seal: { key: deps.configKey, uid: secretUid(pass) },
      });

      const adopting = await takeOver(pass, connection, { desired, installation: deps.installation });
      if (adopting) return notReady(pass, adopting);
      const facts = await observeGuest(
        connection,
        {
          status: pass.status,
          marks: desired.marks,
          expected: audits.take(cluster.metadata.name, pass.now) ? undefined : expectedOf(pass, desired),
        },
        pass.signal,
      );
      const setback = setbacks.last(uid);
      pass.status = noteSteady(pass.status, pass.now);
      pass.status = noteEnd(
        { ...pass.resource, status: pass.status },
        { facts, link: deps.links.state(uid) },
        pass.now,
      );
      // What was never started did not stop.
      if (facts.seen === 'ours' && !facts.running && !setback && !isOneRun(pass))
        pass.status = noteStop(pass.status, pass.now);
      const { links, health, guestKey } = deps;
      const live = await lookInside({ pass, connection, facts, desired, links, health, guestKey });
      const { spec } = pass.resource;
      const config = facts.seen === 'ours' ? facts.config : undefined;
      const guest = { ...pass.resource, status: pass.status };
      const strangeDisks = config && unknownDisks(guest, deps.resources.read.list(Volume), config);
      const missing = environment.ok ? undefined : { reason: environment.reason, message: environment.message };
      const policy = driftPolicy(guest, deps.resources.read);
      const drifted = config && driftOf(pass.status, desired, config, pass.now);
      if (policy === 'Report' && drifted && drifted.length > pass.status.drift.length)
        pass.event('Warning', 'Drifted', driftCondition(policy, drifted).message);
      const drift = drifted && { policy, fields: drifted };
      pass.status = reportGuest(guest, pass.status, { facts, live, setback, missing, strangeDisks, drift }, pass.now);

      const plan = planGuest({
        spec,
        status: pass.status,
        facts,
        desired,
        missing,
        awaited: config && awaitedVolume(guest, deps.resources.read.list(Volume, guest.metadata.namespace), config),
        yielded: yieldedVolume(guest, deps.resources.read.list(Volume, guest.metadata.namespace)),
        left: leftAlone(policy, drifted ?? []),
        isLongUnhealthy: isLongUnhealthy(spec, pass.status, pass.now),
        now: pass.now,
      });
      const asked = guest.metadata.annotations?.[CORRECT_DRIFT];
      if (config && plan.do !== 'configure' && asked !== undefined) pass.status.driftCorrectedAt = asked;
      if (plan.do === 'hold') return notReady(pass, waiting(plan.trouble.reason, plan.trouble.message, HELD_CHECK_MS));
      if (plan.do === 'stall') return stalled(plan.reason, plan.message, 60_000);
      if (plan.do === 'wait') return waiting(plan.reason, plan.message, plan.checkAfterMs);
      if (plan.do === 'nothing') {
        setbacks.clear(uid);
        // Nothing differs from what is desired.
        if (config && environment.ok && pass.status.power === 'running') pass.status.configDigest = desired.digest;
      } else {
        const resting = restAfterSetback(pass);
        if (resting) return resting;
        const { placements, artifacts } = deps;
        return actOnGuest(
          { pass, connection, desired, placements, artifacts, links, storages: cluster.spec.storages },
          plan,
        );
      }
      return conclude(pass, live, facts);
    },

    async finalize(pass) {
      const { uid } = pass.resource.metadata;
      await deps.links.drop(uid);
      deps.health.drop(uid);
      const { clusters, installation, resources } = deps;
      const volumes = resources.read.list(Volume, pass.resource.metadata.namespace);
      const outcome = await finalizeGuest(pass, { clusters, installation, volumes, setbacks, restAfterSetback });
      if (outcome.type !== 'settled') return outcome;
      setbacks.clear(uid);
      // What a guest printed is kept for as long as the run or the revision that it was made for.
      const owner = controllerOf(pass.resource)?.kind;
      if (owner !== Job.kind && owner !== Deployment.kind) await deps.logs.remove(`guest/${uid}`);
      return outcome;
    },
  };

  /** A task that failed is not asked for again at once, whatever woke the guest. */
  function restAfterSetback(pass: Pass<Guest>): Outcome | undefined {
    const { uid } = pass.resource.metadata;
    const setback = setbacks.last(uid);
    const restMs = setbacks.restMs(uid, pass.now);
    return setback && restMs > 0 ? waiting(setback.reason, setback.message, restMs) : undefined;
  }
}

/** A process that runs once does not crash: it ends. */
function isOneRun({ resource, status }: Pass<Guest>): boolean {
  return resource.spec.process.restart === 'Never' || status.finished;
}

/** The fast look is for a guest about which nothing is open. */
function expectedOf(pass: Pass<Guest>, desired: DesiredGuest): { memoryMiB: number } | undefined {
  const { status, resource } = pass;
  const nothingOpen =
    resource.spec.power === 'running' &&
    status.created &&
    status.power === 'running' &&
    status.configDigest === desired.digest &&
    status.startedDigest === desired.processDigest &&
    status.observedGeneration === resource.metadata.generation;
  return nothingOpen ? { memoryMiB: desired.memoryMiB } : undefined;
}

function conclude(pass: Pass<Guest>, live: LiveFacts, facts: GuestFacts): Outcome {
  if (pass.resource.spec.power === 'stopped' || pass.status.finished || facts.seen !== 'ours') return settled();
  if (pass.status.addresses.length === 0) return waiting('AddressPending', NO_ADDRESS, addressCheckMs(pass));
  if (pass.status.healthy === true || (pass.resource.spec.hold && isHeld(live))) return settled();
  const checkAfterMs = readyCheckAfterMs(pass.status, live, pass.now);
  if (checkAfterMs === undefined && pass.status.healthy === false) return settled(15_000);
  return waiting('HealthUnknown', 'The guest runs; it is not ready yet.', checkAfterMs ?? 15_000);
}

/** An address comes at once or, where DHCP does not answer, for hours not. */
function addressCheckMs({ status, now }: Pass<Guest>): number {
  const ageMs = now.getTime() - Date.parse(status.startedAt ?? now.toISOString());
  return Math.min(30_000, Math.max(500, ageMs / 4));
}

/** Before there is anything to report of the guest itself, Ready says what it waits for. */
function notReady(pass: Pass<Guest>, outcome: Outcome): Outcome {
  if (outcome.type === 'settled') return outcome;
  const { generation } = pass.resource.metadata;
  pass.status.conditions = tellInReady(pass.status.conditions, outcome, { generation, now: pass.now });
  return outcome;
}
