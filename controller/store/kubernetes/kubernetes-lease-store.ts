import { z } from 'zod';
import { Fault, isFault } from '../../errors.ts';
import type { Clock } from '../../clock.ts';
import { SYSTEM_NAMESPACE } from '../../../crds/meta.ts';
import type { LeaseStore } from '../lease-store.ts';
import { ensureNamespace } from './ensure-namespace.ts';
import type { KubernetesClient } from './kubernetes-client.ts';

const API = 'coordination.k8s.io/v1';
/** Others may be writing the same lease; more often than this means that something else is wrong. */
const TRIES = 5;
/** Shorter than what a leader leaves unused of its lease. */
const TIMEOUT_MS = 3_000;

const Lease = z.looseObject({
  metadata: z.looseObject({ name: z.string(), resourceVersion: z.string() }),
  spec: z
    .looseObject({
      holderIdentity: z.string().nullish(),
      leaseDurationSeconds: z.int().nullish(),
      leaseTransitions: z.int().nullish(),
    })
    .default({}),
});
type Lease = z.output<typeof Lease>;

interface KubernetesLeaseOptions {
  client: KubernetesClient;
  clock: Clock;
  /** Of the Leases; containr-system without one. */
  namespace?: string | undefined;
}

/** The leases, and their epochs for fencing. */
export interface KubernetesLeaseStore extends LeaseStore {
  /** The epoch of the newest holder; undefined before the first. */
  epochOf(name: string): Promise<bigint | undefined>;
}

/**
 * Leases as objects of coordination.k8s.io. The epoch is in `leaseTransitions`. No clock but this process' own judges expiry:
 * a lease has run out when it was seen unchanged for as long as it lasts, so that nobody's clock has to be right.
 */
export function createKubernetesLeaseStore({
  client,
  clock,
  namespace = SYSTEM_NAMESPACE,
}: KubernetesLeaseOptions): KubernetesLeaseStore {
  const seen = new Map<string, { version: string; atMs: number; durationMs: number }>();
  const collection = `/apis/${API}/namespaces/${namespace}/leases`;

  async function read(name: string): Promise<Lease | undefined> {
    try {
      const path = `${collection}/${leaseName(name)}`;
      return Lease.parse(await client.send({ method: 'GET', path, timeoutMs: TIMEOUT_MS }));
    } catch (error) {
      if (isFault(error, 'NotFound')) return undefined;
      throw error;
    }
  }

  /** False when somebody else was faster. */
  async function write(name: string, current: Lease | undefined, spec: object, durationMs: number): Promise<boolean> {
    const atMs = clock.monotonicMs();
    const metadata = current?.metadata ?? { name: leaseName(name), namespace };
    const body = { apiVersion: API, kind: 'Lease', metadata, spec: { ...current?.spec, ...spec } };
    const place = current
      ? ({ method: 'PUT', path: `${collection}/${leaseName(name)}` } as const)
      : ({ method: 'POST', path: collection } as const);
    try {
      const written = Lease.parse(await client.send({ ...place, body, timeoutMs: TIMEOUT_MS }));
      seen.set(name, { version: written.metadata.resourceVersion, atMs, durationMs });
      return true;
    } catch (error) {
      if (isFault(error, 'Conflict', 'AlreadyExists')) return false;
      if (current !== undefined || !isFault(error, 'NotFound')) throw error;
      await ensureNamespace(client, namespace);
      return false;
    }
  }

  function hasRunOut(name: string, { metadata: { resourceVersion: version }, spec }: Lease): boolean {
    const known = seen.get(name);
    if (known?.version === version) return clock.monotonicMs() - known.atMs >= known.durationMs;
    seen.set(name, { version, atMs: clock.monotonicMs(), durationMs: (spec.leaseDurationSeconds ?? 1) * 1_000 });
    return false;
  }

  return {
    async acquire(name, holder, durationMs) {
      for (let tried = 0; tried < TRIES; tried += 1) {
        const lease = await read(name);
        const heldBy = lease?.spec.holderIdentity ?? '';
        if (lease && heldBy !== '' && heldBy !== holder && !hasRunOut(name, lease)) return { heldBy };
        const epoch = (lease?.spec.leaseTransitions ?? 0) + 1;
        const now = microTime(clock.now());
        const taken = {
          holderIdentity: holder,
          leaseDurationSeconds: wholeSeconds(durationMs),
          acquireTime: now,
          renewTime: now,
          leaseTransitions: epoch,
        };
        if (await write(name, lease, taken, durationMs)) return { epoch: BigInt(epoch) };
      }
      throw new Fault('Unavailable', `The Lease ${leaseName(name)} is written by others all the time; asking again.`);
    },

    async renew(name, holder, epoch, durationMs) {
      for (let tried = 0; tried < TRIES; tried += 1) {
        const lease = await read(name);
        if (!lease || !isHeldBy(lease, holder, epoch)) return false;
        const renewed = { leaseDurationSeconds: wholeSeconds(durationMs), renewTime: microTime(clock.now()) };
        if (await write(name, lease, renewed, durationMs)) return true;
      }
      throw new Fault(
        'Unavailable',
        `The Lease ${leaseName(name)} could not be renewed: others write it all the time.`,
      );
    },

    async release(name, holder, epoch) {
      const lease = await read(name);
      if (!lease || !isHeldBy(lease, holder, epoch)) return;
      await write(name, lease, { holderIdentity: null, leaseDurationSeconds: 1 }, 0);
    },

    async epochOf(name) {
      const transitions = (await read(name))?.spec.leaseTransitions;
      return transitions === undefined || transitions === null ? undefined : BigInt(transitions);
    },
  };
}

function isHeldBy({ spec }: Lease, holder: string, epoch: bigint): boolean {
  return spec.holderIdentity === holder && BigInt(spec.leaseTransitions ?? 0) === epoch;
}

function leaseName(name: string): string {
  return `containr-${name}`;
}

/** Rounded up: others may wait longer than the holder says, never shorter. */
function wholeSeconds(ms: number): number {
  return Math.max(1, Math.ceil(ms / 1_000));
}

/** As the API server reads times of leases: with six digits of a second. */
function microTime(date: Date): string {
  return date.toISOString().replace('Z', '000Z');
}
