import { findCondition, setCondition } from '../../crds/condition.ts';
import { Backup, Restore } from '../../crds/backup.ts';
import { Build } from '../../crds/build.ts';
import { Database } from '../../crds/database.ts';
import { Guest } from '../../crds/guest.ts';
import { Secret } from '../../crds/secret.ts';
import { Volume } from '../../crds/volume.ts';
import { settled, stalled, waiting, type Outcome } from '../../controller/outcome.ts';
import { watching, type Pass, type Reconciler, type Resources } from '../../controller/reconciler.ts';
import type { DatabaseAnswer, DatabaseClient, DatabaseRefusal } from '../providers/database/client.ts';
import type { GuestLinks } from '../providers/guest/guest-links.ts';
import type { ListedGuest } from '../providers/proxmox/client.ts';
import type { ClusterPool } from '../providers/proxmox/cluster-pool.ts';
import { troubleOf } from '../shared/trouble.ts';
import { actOnDatabase, publishAddress, type SealValue } from './act.ts';
import { carryOutBackups } from './carry-out-backups.ts';
import { guestOf } from './children.ts';
import { finalizeDatabase } from './finalize.ts';
import { MEASURE_MS, measure, operationsBetween, rowOf, trafficBetween, type UsageLook } from './metrics.ts';
import { observeDatabase, type DatabaseView, type ReadSecret } from './observe.ts';
import { planDatabase, shrinkRefusal, type DatabasePlan } from './plan.ts';
import { hostOfGuest, reportDatabase, type DatabaseFindings } from './report.ts';
import { actOnSwitch, observeSwitch, planSwitch, type SwitchStep, type SwitchView } from './switch-volume.ts';

export interface DatabaseDeps {
  resources: Resources;
  clusters: Pick<ClusterPool, 'get'>;
  /** Asks a database itself. */
  client: DatabaseClient;
  readSecret: ReadSecret;
  seal: SealValue;
  randomBytes: (size: number) => Buffer;
  /** Asks a guest, by its uid, for what its disks were asked for. */
  usage: GuestLinks['usage'];
  /** What a guest, by its uid, printed last. */
  lastLines: (guestUid: string) => Promise<string[]>;
}

/** What it waits for wakes it. */
const HELD_CHECK_MS = 15_000;
const REFUSED_CHECK_MS = 60_000;
/** A guest that is about to be stopped for its new configuration still answers. */
const underWay: ReadonlySet<string> = new Set(['Configuring', 'Restarting', 'Starting', 'Stopping']);

/** Keeps one database as its Database says: login, volume, image and guest, and asks it whether it answers. */
export function databaseReconciler(deps: DatabaseDeps): Reconciler<Database> {
  const { resources, client, clusters } = deps;
  const { read, write } = resources;
  /** By uid, as Proxmox listed the guest at the last measurement. */
  const lastListed = new Map<string, ListedGuest>();
  /** By uid, as the guest itself said at the last measurement. */
  const lastUsage = new Map<string, UsageLook>();

  return {
    kind: Database,
    owns: [Guest, Volume, Build, Secret],

    watches: [
      watching(Backup, ({ metadata, spec }) =>
        spec.source.kind === 'Database' ? [{ namespace: metadata.namespace, name: spec.source.name }] : [],
      ),
      watching(Restore, ({ metadata, spec: { target } }) =>
        target.kind === 'Database' ? [{ namespace: metadata.namespace, name: target.name }] : [],
      ),
    ],

    async reconcile(pass) {
      // They are due whatever else keeps the database from being as it should.
      const backupMs = await carryOutBackups(pass, resources);
      return lookWithin(await converge(pass), backupMs);
    },

    finalize(pass) {
      lastListed.delete(pass.resource.metadata.uid);
      lastUsage.delete(pass.resource.metadata.uid);
      return finalizeDatabase(pass, resources);
    },
  };

  async function converge(pass: Pass<Database>): Promise<Outcome> {
    const switching = observeSwitch({ ...pass.resource, status: pass.status }, read, deps.readSecret);
    const step = switching && planSwitch(switching);
    if (switching && step) return switchOver(pass, switching, step);
    const outcome = await keep(pass);
    // Also while its guest comes up again.
    const { phase } = pass.status;
    if (switching && (phase === 'Pending' || phase === 'Provisioning')) pass.status.phase = 'Restoring';
    return outcome;
  }

  /** One step towards the volume that a restore asks for. That it is there is noted together with that nothing answers yet. */
  async function switchOver(pass: Pass<Database>, view: SwitchView, step: SwitchStep): Promise<Outcome> {
    const { name } = view.wanted.metadata;
    const message = `The database is given Volume ${name}, as a restore asks for.`;
    if (step.do !== 'note') await actOnSwitch(view, step, { write, seal: deps.seal });
    const ready = { type: 'Ready', status: 'False', reason: 'Switching', message } as const;
    const at = { generation: pass.resource.metadata.generation, now: pass.now };
    pass.status = {
      ...pass.status,
      phase: 'Restoring',
      conditions: setCondition(pass.status.conditions, ready, at),
      ...(step.do === 'note' && { volume: name }),
    };
    return waiting('Switching', message, step.do === 'removeGuest' ? HELD_CHECK_MS : 0);
  }

  async function keep(pass: Pass<Database>): Promise<Outcome> {
    const view = observeDatabase({ ...pass.resource, status: pass.status }, read, deps.readSecret);
    const plan = planDatabase(view, pass.now);
    if (plan.do !== 'refuse' && plan.do !== 'await' && plan.do !== 'look') {
      const message = progress[plan.do];
      await actOnDatabase(view, plan, { write, seal: deps.seal, randomBytes: deps.randomBytes });
      // Otherwise nothing is known anew of what runs.
      if (view.guests.length === 0 || plan.do === 'removeGuest')
        await report(pass, view, {
          guest: undefined,
          answer: undefined,
          pending: { reason: 'Provisioning', message },
        });
      // What leaves wakes us when it has left.
      const isLeaving = plan.do === 'removeGuest' || plan.do === 'removeBuild';
      return waiting('Provisioning', message, isLeaving ? HELD_CHECK_MS : 0);
    }
    return lookInside(pass, view, plan);
  }

  /** Nothing is to be changed, or nothing can be: what remains is whether it answers. */
  async function lookInside(
    pass: Pass<Database>,
    view: DatabaseView,
    plan: Extract<DatabasePlan, { do: 'refuse' | 'await' | 'look' }>,
  ): Promise<Outcome> {
    const guest =
      plan.do === 'look' ? plan.guest : view.guests.find(({ metadata }) => metadata.deletionTimestamp === undefined);
    const answer = guest && (await ask(view, guest, pass.signal));
    const pending = plan.do === 'look' ? undefined : plan.trouble;
    await report(pass, view, { guest, answer, pending });
    if (guest && answer?.ok) {
      const listed = rowOf(guest, clusters.get(guest.status.cluster ?? '')?.observer.view()?.resources.guests ?? []);
      const { uid } = pass.resource.metadata;
      const traffic = trafficBetween(lastListed.get(uid), listed);
      const metrics = measure({ status: pass.status }, { answer, listed, volume: view.volume, traffic }, pass.now);
      if (metrics && listed) {
        const guestUid = guest.metadata.uid;
        const look: UsageLook = { guestUid, usage: await deps.usage(guestUid, pass.signal) };
        pass.status.metrics = { ...metrics, ...operationsBetween(lastUsage.get(uid), look) };
        lastListed.set(uid, listed);
        lastUsage.set(uid, look);
      }
    }
    const host = hostOfGuest(guest);
    if (host !== undefined && view.credentials && !('message' in view.credentials)) {
      const isNews = await publishAddress(view, view.credentials, host, { write, seal: deps.seal });
      if (isNews) return waiting('Provisioning', 'The address is written into the Secret.', 0);
    }
    if (plan.do === 'refuse') return stalled(plan.trouble.reason, plan.trouble.message, REFUSED_CHECK_MS);
    if (plan.do === 'await') return waiting(plan.trouble.reason, plan.trouble.message, HELD_CHECK_MS);
    return conclude(pass, view, plan.guest, answer);
  }

  async function ask(
    { database, definition, credentials }: DatabaseView,
    guest: Guest,
    signal: AbortSignal,
  ): Promise<DatabaseAnswer | DatabaseRefusal | undefined> {
    const [host] = guest.status.addresses;
    const reconciling = findCondition(guest.status.conditions, 'Reconciling');
    const isChanging =
      guest.status.observedGeneration !== guest.metadata.generation ||
      (reconciling?.status === 'True' && underWay.has(reconciling.reason));
    if (database.spec.power === 'stopped' || isChanging || guest.status.power !== 'running') return undefined;
    if (host === undefined || !credentials || 'message' in credentials) return undefined;
    const { protocol, ports } = definition;
    const { username, password, database: name } = credentials;
    return client.ask({ protocol, host, port: ports[0].port, username, password, database: name }, signal);
  }

  async function report(
    pass: Pass<Database>,
    view: DatabaseView,
    findings: Pick<DatabaseFindings, 'guest' | 'answer' | 'pending'>,
  ): Promise<void> {
    const { guest, answer } = findings;
    const isInTrouble = guest && (troubleOf(guest)?.reason === 'CrashLoop' || (answer?.ok === false && answer.denied));
    const lines = isInTrouble ? await deps.lastLines(guest.metadata.uid) : [];
    const unsupported = guest ? guestOf(view.database, view.definition, guest.spec.artifact).unsupported : [];
    pass.status = reportDatabase(view, pass.status, { ...findings, lines, unsupported }, pass.now);
  }
}

const progress: Readonly<Record<Exclude<DatabasePlan['do'], 'refuse' | 'await' | 'look'>, string>> = {
  createSecret: 'The login is made.',
  adoptSecret: 'The login of the database before is taken over.',
  createVolume: 'The volume is made.',
  adoptVolume: 'The volume of the database before is taken over.',
  changeVolume: 'The volume gets its new size.',
  createBuild: 'The image is asked for.',
  removeBuild: 'An image that is needed no more is given up.',
  removeGuest: 'The guest of the version before is being removed; its volume and address stay.',
  claimVolume: 'The volume is asked for.',
  createGuest: 'The guest is asked for.',
  changeGuest: 'The guest gets its new configuration.',
};

/** The same end, looked at again after `ms` at the latest. */
function lookWithin(outcome: Outcome, ms = Infinity): Outcome {
  switch (outcome.type) {
    case 'settled':
    case 'stalled':
      return { ...outcome, recheckAfterMs: Math.min(outcome.recheckAfterMs, ms) };
    case 'waiting':
      return { ...outcome, checkAfterMs: Math.min(outcome.checkAfterMs, ms) };
    case 'retry':
      return outcome;
    default:
      return outcome satisfies never;
  }
}

function conclude(pass: Pass<Database>, view: DatabaseView, guest: Guest, answer: DatabaseFindings['answer']): Outcome {
  const shrink = shrinkRefusal(view);
  const isAtRest = answer?.ok === true || (pass.resource.spec.power === 'stopped' && guest.status.power !== 'running');
  if (isAtRest && shrink) return stalled(shrink.reason, shrink.message, MEASURE_MS);
  if (isAtRest) return settled(MEASURE_MS);
  const ready = findCondition(pass.status.conditions, 'Ready');
  if (answer?.ok === false && answer.denied)
    return stalled('LoginDenied', ready?.message ?? 'The login is refused.', REFUSED_CHECK_MS);
  const message = ready?.message ?? 'The database is on its way.';
  return waiting(ready?.reason ?? 'Provisioning', message, answer ? pauseMs(pass, guest) : HELD_CHECK_MS);
}

/** It comes up within seconds, or something is wrong with it that takes a person. */
function pauseMs({ now }: Pass<Database>, { status }: Guest): number {
  const ageMs = now.getTime() - Date.parse(status.startedAt ?? now.toISOString());
  return Math.min(HELD_CHECK_MS, Math.max(500, ageMs / 4));
}
