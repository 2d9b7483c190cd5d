import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { FakeClock, settle } from '../test/harness/fake-clock.ts';
import { Kettle, kettleManifest, Lid, lidManifest } from '../test/harness/toy.ts';
import { createManager, type Manager, type ManagerOptions } from './manager.ts';
import { createMetrics } from './metrics.ts';
import { settled } from './outcome.ts';
import type { Reconciler } from './reconciler.ts';
import { aborted, sleep } from './sleep.ts';
import { MemoryLeaseStore } from './store/lease-store.ts';
import { createMemoryStore } from './store/memory-store.ts';

const user = { manager: 'test' };
const log = pino({ level: 'silent' });
const tea = { namespace: 'home', name: 'tea' };

function make() {
  const clock = new FakeClock();
  const leaseStore = new MemoryLeaseStore(clock);
  const store = createMemoryStore({ clock, leases: leaseStore });
  const managers: Manager[] = [];
  const manage = (
    identity: string,
    reconcile: Reconciler<Kettle>['reconcile'],
    options: Partial<ManagerOptions> = {},
  ): Manager => {
    const reconcilers = () => [{ kind: Kettle, owns: [Lid], reconcile } satisfies Reconciler<Kettle>];
    const manager = createManager({ store, leaseStore, clock, log, identity, reconcilers, ...options });
    managers.push(manager);
    manager.start();
    return manager;
  };
  const stopAll = async () => {
    const stopping = Promise.all(managers.map((manager) => manager.stop()));
    await clock.advance(60_000);
    await stopping;
  };
  return { clock, leaseStore, store, manage, stopAll };
}

describe('createManager', () => {
  it('reconciles what is there and what comes', async () => {
    const { clock, store, manage, stopAll } = make();
    await store.create(Kettle, kettleManifest('tea'), user);
    manage('a', async () => settled());
    await clock.advance(1_000);
    await store.create(Kettle, kettleManifest('coffee'), user);
    await clock.advance(1_000);
    const kettles = (await store.list(Kettle)).items;
    expect(kettles.map(({ status }) => status.observedGeneration)).toEqual([1, 1]);
    await stopAll();
  });

  it('warms its cache before it leads', async () => {
    const { clock, store, manage, stopAll } = make();
    await store.create(Kettle, kettleManifest('tea'), user);
    manage('a', async () => settled());
    await clock.advance(1_000);
    const standby = manage('b', async () => settled());
    await clock.advance(1_000);
    expect([standby.isLeader(), standby.hasSynced()]).toEqual([false, true]);
    expect(standby.read.list(Kettle).length).toBe(1);
    await stopAll();
  });

  it('lets passes under way end when it stops, begins none, and hands over at once', async () => {
    const { clock, store, manage, stopAll } = make();
    const begun: string[] = [];
    const ended: string[] = [];
    const slow = async () => {
      begun.push('a');
      await sleep(clock, 3_000);
      ended.push('a');
      return settled();
    };
    const first = manage('a', slow);
    manage('b', async () => {
      begun.push('b');
      return settled();
    });
    await store.create(Kettle, kettleManifest('tea'), user);
    await clock.advance(1_000);
    const stopped = first.stop();
    await store.create(Kettle, kettleManifest('coffee'), user);
    await clock.advance(1_000);
    expect([begun, ended]).toEqual([['a'], []]);
    await clock.advance(2_000);
    await stopped;
    expect(ended).toEqual(['a']);
    expect((await store.get(Kettle, tea))?.status.observedGeneration).toBe(1);
    await clock.advance(2_000);
    expect(begun.sort()).toEqual(['a', 'b', 'b']);
    await stopAll();
  });

  it('tells passes to leave everything as it is when they do not end in time', async () => {
    const { clock, store, manage } = make();
    const reasons: unknown[] = [];
    const manager = manage('a', async ({ signal }) => {
      await aborted(signal);
      reasons.push(signal.reason);
      return settled();
    });
    await store.create(Kettle, kettleManifest('tea'), user);
    await clock.advance(1_000);
    const stopped = manager.stop();
    await clock.advance(19_000);
    expect(reasons).toEqual([]);
    await clock.advance(2_000);
    await stopped;
    expect(reasons).toMatchObject([{ code: 'Fenced' }]);
    expect((await store.get(Kettle, tea))?.status.observedGeneration).toBeUndefined();
  });

  it('stops although a pass never ends', async () => {
    const { clock, store, manage } = make();
    const manager = manage('a', () => new Promise(() => undefined));
    await store.create(Kettle, kettleManifest('tea'), user);
    await clock.advance(1_000);
    let isStopped = false;
    const stopped = manager.stop().then(() => (isStopped = true));
    await clock.advance(30_000);
    expect(isStopped).toBe(true);
    await stopped;
  });

  it('stops although the store does not answer any more', async () => {
    const { clock, leaseStore, manage } = make();
    let isSilent = false;
    const manager = manage('a', async () => settled(), {
      leaseStore: {
        acquire: (...args) => leaseStore.acquire(...args),
        renew: (...args) => leaseStore.renew(...args),
        release: (...args) => (isSilent ? new Promise(() => undefined) : leaseStore.release(...args)),
      },
    });
    await clock.advance(1_000);
    isSilent = true;
    let isStopped = false;
    const stopped = manager.stop().then(() => (isStopped = true));
    await clock.advance(40_000);
    expect(isStopped).toBe(true);
    await stopped;
  });

  it('begins anew when a loop cannot be started', async () => {
    const { clock, store, leaseStore } = make();
    let trouble = 1;
    const kettles: Reconciler<Kettle> = {
      kind: Kettle,
      attach() {
        if (trouble-- > 0) throw new Error('broken');
      },
      reconcile: async () => settled(),
    };
    const manager = createManager({ store, leaseStore, clock, log, identity: 'a', reconcilers: () => [kettles] });
    manager.start();
    await store.create(Kettle, kettleManifest('tea'), user);
    await clock.advance(3_000);
    expect((await store.get(Kettle, tea))?.status.observedGeneration).toBe(1);
    await manager.stop();
  });

  it('leaves no timer behind when it has stopped', async () => {
    const { clock, manage } = make();
    const manager = manage('a', async () => settled());
    await clock.advance(1_000);
    await manager.stop();
    expect(clock.nextTimerMs).toBeUndefined();
  });

  it('stops passes and begins anew after it lost the lease', async () => {
    const { clock, leaseStore, store, manage, stopAll } = make();
    const seen: string[] = [];
    const manager = manage('a', async ({ signal }) => {
      seen.push('begun');
      if (seen.length > 1) return settled();
      await aborted(signal);
      seen.push('stopped');
      return settled();
    });
    await store.create(Kettle, kettleManifest('tea'), user);
    await clock.advance(1_000);
    await leaseStore.release('controller', 'a', 1n);
    await leaseStore.acquire('controller', 'b', 10_000);
    await clock.advance(6_000);
    expect(seen).toEqual(['begun', 'stopped']);
    expect(manager.isLeader()).toBe(false);
    await clock.advance(10_000);
    expect(seen).toEqual(['begun', 'stopped', 'begun']);
    expect((await store.get(Kettle, tea))?.status.observedGeneration).toBe(1);
    await stopAll();
  });

  it('removes children whose owner is gone', async () => {
    const { clock, store, manage, stopAll } = make();
    const owner = await store.create(Kettle, kettleManifest('tea'), user);
    await store.create(Lid, lidManifest('lid', owner), user);
    manage('a', async () => settled());
    await clock.advance(1_000);
    await store.delete(Kettle, tea, user);
    await settle();
    await clock.advance(100);
    expect((await store.list(Kettle)).items).toEqual([]);
    expect((await store.list(Lid)).items).toEqual([]);
    await stopAll();
  });

  it('does what else the leader has to do, while it leads', async () => {
    const { clock, manage } = make();
    let runs = 0;
    const task = { name: 'water the plants', everyMs: 10_000, run: async () => void (runs += 1) };
    const manager = manage('a', async () => settled(), { tasks: [task] });
    await clock.advance(25_000);
    expect(runs).toBe(3);
    await manager.stop();
    await clock.advance(60_000);
    expect(runs).toBe(3);
  });

  it('counts what it does', async () => {
    const { clock, store, manage, stopAll } = make();
    const metrics = createMetrics();
    manage('a', async () => settled(), { metrics });
    await store.create(Kettle, kettleManifest('tea'), user);
    await clock.advance(1_000);
    const text = await metrics.registry.metrics();
    expect(text).toContain('controller_runtime_reconcile_total{controller="kettle",result="success"} 1');
    expect(text).toContain('leader_election_master_status{name="controller"} 1');
    await stopAll();
    expect(await metrics.registry.metrics()).toContain('leader_election_master_status{name="controller"} 0');
  });
});
