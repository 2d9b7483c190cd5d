import { waiting, type Outcome } from '../../controller/outcome.ts';
import type { Pass, ResourceReader } from '../../controller/reconciler.ts';
import type { DiskPlace, Volume } from '../../crds/volume.ts';
import type { ClusterPool } from '../providers/proxmox/cluster-pool.ts';
import { descriptionFor, tagsFor } from '../shared/guest-marks.ts';
import { observeExchange, placeOf, planExchange, type Exchange } from './exchange-plan.ts';
import { lookAtHolder } from './holder.ts';
import type { VolumeFacts } from './observe.ts';

interface ExchangeDeps {
  read: ResourceReader;
  clusters: ClusterPool;
  installation: string;
}

const SOON_MS = 2_000;
/** The other volume's status, and the restore's, wake this one. */
const HELD_CHECK_MS = 10_000;

/** Goes on with a change of disks. Undefined where the volume is kept as always; one that is `leaving` is to be parked. */
export async function goOnExchanging(pass: Pass<Volume>, deps: ExchangeDeps): Promise<Outcome | undefined> {
  const { exchange } = pass.status;
  const step = planExchange(observeExchange(pass.resource, exchange, deps.read));
  switch (step.do) {
    case 'nothing':
    case 'leave':
      return undefined;
    case 'note': {
      pass.status = { ...pass.status, exchange: { ...step.exchange, since: pass.now.toISOString() } };
      await pass.checkpoint();
      return step.exchange.stage === 'cancelled' ? undefined : switching('It is parked, to change disks.', 0);
    }
    case 'wait':
      return switching('It is parked and waits for the other volume, to change disks.', HELD_CHECK_MS);
    case 'take':
      return exchange && take(pass, exchange, step.place);
    case 'mark':
      return exchange && mark(pass, exchange, step.isLast, deps);
    default:
      return step satisfies never;
  }
}

/** Whether a volume that is to change disks is where it need be for that: on its keeper, with nothing under way. Pure. */
export function isReadyToExchange(
  { exchange, moving, task, keeperVmid }: Volume['status'],
  { place }: VolumeFacts,
): boolean {
  if (exchange?.stage !== 'leaving' || moving !== undefined || task !== undefined || place.at !== 'source')
    return false;
  const { vmid, running, lock } = place.holder;
  return vmid === keeperVmid && !running && lock === undefined;
}

/** From now on nothing happens to the volume before its exchange is decided. */
export async function keepStill(pass: Pass<Volume>): Promise<Outcome> {
  const { exchange } = pass.status;
  if (exchange)
    pass.status = { ...pass.status, exchange: { ...exchange, stage: 'ready', since: pass.now.toISOString() } };
  await pass.checkpoint();
  return switching('It is parked and ready to change disks.', 0);
}

/** One write: what was its disk is noted as left, and the other is its own. */
async function take(pass: Pass<Volume>, exchange: Exchange, place: DiskPlace): Promise<Outcome> {
  const { keeperAskedAt: _, attachedTo: __, attachedUid: ___, ...rest } = pass.status;
  const since = pass.now.toISOString();
  const left = placeOf(pass.status);
  pass.status = { ...rest, ...placeOf(place), exchange: { ...exchange, stage: 'taken', since, left } };
  await pass.checkpoint();
  pass.event('Normal', 'Switching', `Volume ${place.volid} takes the place of ${left.volid}, which is kept.`);
  return switching('It has changed disks.', 0);
}

/** Writes on the keeper whose disk it holds now. Only over the marks of the volume that had it. */
async function mark(
  pass: Pass<Volume>,
  exchange: Exchange,
  isLast: boolean,
  { clusters, installation }: ExchangeDeps,
): Promise<Outcome | undefined> {
  const { cluster = '', node = '', vmid = 0 } = pass.status;
  const { uid, namespace: project = '', name } = pass.resource.metadata;
  const connection = clusters.get(cluster);
  if (!connection) return waiting('ProviderUnavailable', `The ProxmoxCluster ${cluster} is not connected.`, 5_000);
  const marks = { installation, uid };
  const own = await lookAtHolder(connection, { vmid, node, marks }, pass.signal);
  if (own.seen === 'foreign') {
    const former = { installation, uid: exchange.with };
    const holder = await lookAtHolder(connection, { vmid, node, marks: former }, pass.signal);
    if (holder.seen === 'ours') {
      if (holder.lock !== undefined)
        return switching(`Proxmox has locked the keeper ${vmid} (${holder.lock}).`, SOON_MS);
      const description = descriptionFor({ ...marks, kind: 'Volume', project, name });
      const changes = { tags: tagsFor(marks), description, digest: holder.config.digest };
      await connection.client.configureGuest(holder.node, vmid, changes, pass.signal);
      return switching(`The keeper ${vmid} gets the marks of this volume.`, 0);
    }
  } else if (own.seen === 'unknown') return waiting(own.reason, own.message, 5_000);
  // Where it carries neither one's marks, or is gone, the usual look says so.
  if (!isLast) return switching('It waits for the other volume to take its disk.', HELD_CHECK_MS);
  const { left: _, ...done } = exchange;
  pass.status = { ...pass.status, exchange: { ...done, stage: 'done', since: pass.now.toISOString() } };
  await pass.checkpoint();
  return undefined;
}

function switching(message: string, checkAfterMs: number): Outcome {
  return waiting('Switching', message, checkAfterMs);
}
