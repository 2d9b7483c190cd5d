import { createHmac } from 'node:crypto';
import { settled, stalled, waiting, type Outcome } from '../../controller/outcome.ts';
import {
  watching,
  type Pass,
  type Reconciler,
  type ResourceReader,
  type Resources,
} from '../../controller/reconciler.ts';
import type { ObjectKey } from '../../controller/store/store.ts';
import type { LogStore } from '../../controller/logs.ts';
import { conditionIs } from '../../crds/condition.ts';
import { Guest } from '../../crds/guest.ts';
import { ProxmoxCluster } from '../../crds/proxmox-cluster.ts';
import { Secret } from '../../crds/secret.ts';
import type { GuestLinks } from '../providers/guest/guest-links.ts';
import type { HealthMonitor } from '../providers/guest/health-monitor.ts';
import type { ArtifactStore } from '../providers/oci/artifact-store.ts';
import type { ClusterConnection, ClusterPool } from '../providers/proxmox/cluster-pool.ts';
import type { ArchivePlacements } from '../shared/archive-placements.ts';
import type { Reservations } from '../shared/reservations.ts';
import { Setbacks } from '../shared/setbacks.ts';
import type { Signal } from '../shared/signal.ts';
import { tellInReady } from '../shared/tell-in-ready.ts';
import { actOnGuest } from './act.ts';
import { AuditTurns } from './audit-turns.ts';
import { noteStop } from './crash.ts';
import { desiredGuest, hostOf, SUPERVISOR_PORT, type DesiredGuest } from './desired.ts';
import { resolveEnvironment, type ReadSecret } from './environment.ts';
import { finalizeGuest } from './finalize.ts';
import { followTask } from './follow-task.ts';
import { healthPlan } from './health-plan.ts';
import { observeGuest, type GuestFacts } from './observe.ts';
import { planGuest } from './plan.ts';
import { NO_ADDRESS, readyCheckAfterMs, reportGuest, type LiveFacts } from './report.ts';
import { reserve } from './reserve.ts';

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
  /** Uids of guests whose supervisor or health said something new, or that wait for an archive. */
  changed: Signal<string>;
}

/** Keeps one LXC guest as its Guest says, from before it is made until after it is gone. */
export function guestReconciler(deps: GuestDeps): Reconciler<Guest> {
  const audits = new AuditTurns();
  const setbacks = new Setbacks();
  const choosing = new Map<string, Guest>();

  return {
    kind: Guest,
    workers: 16,
    watches: [
      watching(Secret, ({ metadata }, read) =>
        read
          .list(Guest, metadata.namespace)
          .filter(({ spec }) => spec.env.some(({ valueFrom }) => valueFrom?.secretRef?.name === metadata.name))
          .map((guest) => guest.metadata),
      ),
      watching(ProxmoxCluster, ({ metadata, status }, read, previous) => {
        const wasReady = conditionIs(previous?.status.conditions ?? [], 'Ready', 'True');
        const isNews = !wasReady && conditionIs(status.conditions, 'Ready', 'True');
        return isNews || previous?.metadata.generation !== metadata.generation ? unplaced(read) : [];
      }),
    ],

    attach(wake, signal) {
      const { read } = deps.resources;
      deps.changed.subscribe((uid) => {
        const guest = read.list(Guest).find(({ metadata }) => metadata.uid === uid);
        if (guest) wake(guest.metadata);
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
      const blocked = await reserve(pass, {
        read: deps.resources.read,
        clusters: deps.clusters,
        reservations: deps.reservations,
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

      const environment = resolveEnvironment(pass.resource, deps.readSecret);
      if (!environment.ok) return notReady(pass, stalled(environment.reason, environment.message, 60_000));
      const desired = desiredGuest({
        guest: { ...pass.resource, status: pass.status },
        network: cluster.spec.network,
        installation: deps.installation,
        environment: environment.env,
        secret: supervisorSecret(deps.guestKey, pass.resource.metadata.uid),
      });

      const facts = await observeGuest(
        connection,
        {
          status: pass.status,
          marks: desired.marks,
          expected: audits.take(cluster.metadata.name, pass.now) ? undefined : expectedOf(pass, desired),
        },
        pass.signal,
      );
      const { uid } = pass.resource.metadata;
      const setback = setbacks.last(uid);
      // What was never started did not stop.
      if (facts.seen === 'ours' && !facts.running && !setback) pass.status = noteStop(pass.status, pass.now);
      const live = await lookInside(pass, connection, facts, desired);
      pass.status = reportGuest(pass.resource, pass.status, { facts, live, setback }, pass.now);

      const plan = planGuest({ spec: pass.resource.spec, status: pass.status, facts, desired, now: pass.now });
      if (plan.do === 'stall') return stalled(plan.reason, plan.message, 60_000);
      if (plan.do === 'wait') return waiting(plan.reason, plan.message, plan.checkAfterMs);
      if (plan.do === 'nothing') setbacks.clear(uid);
      else {
        const resting = restAfterSetback(pass);
        if (resting) return resting;
        const { placements, artifacts } = deps;
        return actOnGuest({ pass, connection, desired, placements, artifacts, storages: cluster.spec.storages }, plan);
      }
      return conclude(pass, live, facts);
    },

    async finalize(pass) {
      const { uid } = pass.resource.metadata;
      await deps.links.drop(uid);
      deps.health.drop(uid);
      const { clusters, installation } = deps;
      const outcome = await finalizeGuest(pass, { clusters, installation, setbacks, restAfterSetback });
      if (outcome.type !== 'settled') return outcome;
      setbacks.clear(uid);
      await deps.logs.remove(`guest/${uid}`);
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

  /** Asks the supervisor and the health monitor of a running guest; lets go of both when it does not run. */
  async function lookInside(
    pass: Pass<Guest>,
    connection: ClusterConnection,
    facts: GuestFacts,
    desired: DesiredGuest,
  ): Promise<LiveFacts> {
    const { uid } = pass.resource.metadata;
    if (facts.seen === 'unknown')
      return { link: deps.links.state(uid), health: deps.health.state(uid), addresses: pass.status.addresses };
    if (facts.seen !== 'ours' || !facts.running) {
      await deps.links.drop(uid);
      deps.health.drop(uid);
      return { link: undefined, health: undefined, addresses: [] };
    }
    const addresses = await addressesOf(pass, connection, facts.node);
    const [host] = addresses;
    if (host === undefined || pass.status.startedDigest !== desired.processDigest)
      return { link: undefined, health: undefined, addresses };

    const secret = supervisorSecret(deps.guestKey, uid);
    deps.links.ensure(uid, { host, port: SUPERVISOR_PORT, secret }, { restarts: 0 });
    const check = healthPlan(pass.resource.spec, host);
    if (check) deps.health.ensure(uid, check, new Date(pass.status.startedAt ?? pass.now));
    else deps.health.drop(uid);
    return { link: deps.links.state(uid), health: deps.health.state(uid), addresses };
  }

  async function addressesOf(
    pass: Pass<Guest>,
    { client }: ClusterConnection,
    node: string,
  ): Promise<readonly string[]> {
    const { reservedAddress, addresses, vmid = 0 } = pass.status;
    if (reservedAddress !== undefined) return [hostOf(reservedAddress)];
    return addresses.length > 0 ? addresses : client.guestAddresses(node, vmid, pass.signal);
  }
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
  if (pass.resource.spec.power === 'stopped' || facts.seen !== 'ours') return settled();
  if (pass.status.addresses.length === 0) return waiting('AddressPending', NO_ADDRESS, addressCheckMs(pass));
  if (pass.status.healthy === true) return settled();
  const checkAfterMs = readyCheckAfterMs(pass.status, live, pass.now);
  if (checkAfterMs === undefined && pass.status.healthy === false) return settled(15_000);
  return waiting('HealthUnknown', 'The guest runs; it is not ready yet.', checkAfterMs ?? 15_000);
}

/** Guests that have not found a place yet. */
function unplaced(read: ResourceReader): ObjectKey[] {
  return read
    .list(Guest)
    .filter(({ status }) => status.vmid === undefined)
    .map(({ metadata }) => metadata);
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

/** One secret a guest, from the installation's key: nothing to store, nothing that one guest could use on another. */
function supervisorSecret(key: string, uid: string): string {
  return createHmac('sha256', key).update(uid).digest('base64url');
}
