import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import type { Clock } from '../../controller/clock.ts';
import { Fault } from '../../controller/errors.ts';
import { createManager } from '../../controller/manager.ts';
import { settled, type Outcome } from '../../controller/outcome.ts';
import type { Pass, Reconciler } from '../../controller/reconciler.ts';
import { sleep } from '../../controller/sleep.ts';
import { MemoryLeaseStore } from '../../controller/store/lease-store.ts';
import { createMemoryStore } from '../../controller/store/memory-store.ts';
import { FakeClock } from '../harness/fake-clock.ts';
import { Kettle, kettleManifest } from '../harness/toy.ts';

const user = { manager: 'test' };
const log = pino({ level: 'silent' });
const HEALTHY = 180;
const FAILING = 20;
/** What a healthy pass takes. */
const PASS_MS = 50;

type Reconcile = (pass: Pass<Kettle>, clock: Clock) => Promise<Outcome>;

/** How the unlucky fail. */
const failures = {
  'fail at once': async () => {
    throw new Fault('Unavailable', 'The kitchen does not answer.');
  },
  'fail after a while': async (_, clock) => {
    await sleep(clock, 3_000);
    throw new Fault('Unavailable', 'The kitchen does not answer.');
  },
  'hang until they are stopped': async ({ signal }, clock) => {
    await sleep(clock, 3_600_000, signal);
    throw new Fault('Unavailable', 'The kitchen does not answer.');
  },
  'have a bug': async () => {
    throw new TypeError('x is not a function');
  },
  'fail in a namespace of their own': async () => {
    throw new Fault('Unavailable', 'The kitchen does not answer.');
  },
} satisfies Record<string, Reconcile>;

async function serve(pass: Pass<Kettle>, clock: Clock): Promise<Outcome> {
  await sleep(clock, PASS_MS, pass.signal);
  return settled();
}

/**
 * Healthy objects are changed for two minutes, twenty every second, while a tenth of all never succeeds; answers how long
 * after a change the pass that saw it began, sorted.
 */
async function latencies(unlucky: Reconcile, { apart = false } = {}): Promise<number[]> {
  const clock = new FakeClock();
  const leaseStore = new MemoryLeaseStore(clock);
  const store = createMemoryStore({ clock, leases: leaseStore, keepChanges: 1_000 });
  const changedAt = new Map<string, number>();
  const waits: number[] = [];
  const kettles: Reconciler<Kettle> = {
    kind: Kettle,
    reconcile(pass) {
      const { name } = pass.resource.metadata;
      if (name.startsWith('unlucky')) return unlucky(pass, clock);
      const at = changedAt.get(name);
      if (at !== undefined) waits.push(clock.monotonicMs() - at);
      changedAt.delete(name);
      return serve(pass, clock);
    },
  };
  let seed = 1;
  const random = () => (seed = (seed * 16_807) % 2_147_483_647) / 2_147_483_647;
  const reconcilers = () => [kettles];
  const manager = createManager({ store, leaseStore, clock, log, identity: 'a', reconcilers, random });
  const namespaces = ['blue', 'green', 'red'];
  for (let index = 0; index < HEALTHY + FAILING; index++) {
    const isUnlucky = index % 10 === 9;
    const name = isUnlucky ? `unlucky-${index}` : `fine-${index}`;
    const namespace = isUnlucky && apart ? 'apart' : namespaces[index % namespaces.length];
    await store.create(Kettle, kettleManifest(name, namespace === undefined ? {} : { namespace }), user);
  }
  manager.start();
  await clock.advance(30_000);
  const fine = (await store.list(Kettle)).items.filter(({ metadata }) => metadata.name.startsWith('fine'));
  for (let second = 0; second < 120; second++) {
    for (let change = 0; change < 20; change++) {
      const kettle = fine[(second * 20 + change) % fine.length];
      const current = kettle && (await store.get(Kettle, kettle.metadata));
      if (!current) continue;
      changedAt.set(current.metadata.name, clock.monotonicMs());
      await store.update(Kettle, { ...current, spec: { ...current.spec, litres: second } }, user);
    }
    await clock.advance(1_000);
  }
  const stopped = manager.stop();
  await clock.advance(60_000);
  await stopped;
  return waits.sort((a, b) => a - b);
}

const p99 = (sorted: readonly number[]): number => sorted[Math.floor(sorted.length * 0.99)] ?? Infinity;

const baseline = await latencies(serve);

describe('a tenth of all objects fails for ever', () => {
  it.each(Object.entries(failures))(
    'and the healthy ones do not wait longer for it when these %s',
    async (how, fail) => {
      const waits = await latencies(fail, { apart: how.includes('namespace') });
      expect(waits.length).toBe(baseline.length);
      expect(p99(waits)).toBeLessThanOrEqual(p99(baseline) * 1.5);
    },
  );
});
