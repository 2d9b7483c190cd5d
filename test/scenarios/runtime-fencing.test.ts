import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { isFault } from '../../controller/errors.ts';
import { createManager, type Manager } from '../../controller/manager.ts';
import { settled } from '../../controller/outcome.ts';
import type { Reconciler } from '../../controller/reconciler.ts';
import { sleep } from '../../controller/sleep.ts';
import { MemoryLeaseStore } from '../../controller/store/lease-store.ts';
import { createMemoryStore } from '../../controller/store/memory-store.ts';
import { FakeClock, settle } from '../harness/fake-clock.ts';
import { Kettle, kettleManifest } from '../harness/toy.ts';

const user = { manager: 'test' };
const log = pino({ level: 'silent' });
const tea = { namespace: 'home', name: 'tea' };

/** Replicas of one controller over one store; each has a clock of its own, so that one can be stopped (SIGSTOP). */
function installation() {
  const storeClock = new FakeClock();
  const leaseStore = new MemoryLeaseStore(storeClock);
  const store = createMemoryStore({ clock: storeClock, leases: leaseStore });
  const clocks: FakeClock[] = [];
  /** Time goes by everywhere but in the replica that is stopped. */
  async function pass(ms: number, stopped?: FakeClock): Promise<void> {
    for (let gone = 0; gone < ms; gone += 250) {
      for (const clock of [storeClock, ...clocks]) if (clock !== stopped) await clock.advance(250);
    }
  }
  return {
    store,
    pass,
    replica(identity: string, loop: (tools: { clock: FakeClock; guard(): void }) => Omit<Reconciler<Kettle>, 'kind'>) {
      const clock = new FakeClock();
      clocks.push(clock);
      const manager = createManager({
        store,
        leaseStore,
        clock,
        log,
        identity,
        reconcilers: ({ guard }) => [{ kind: Kettle, ...loop({ clock, guard }) } satisfies Reconciler<Kettle>],
      });
      manager.start();
      return { clock, manager };
    },
    async stop(...managers: Manager[]) {
      const stopping = Promise.all(managers.map((manager) => manager.stop()));
      await pass(60_000);
      await stopping;
    },
  };
}

describe('two replicas over one store', () => {
  it('lets a leader that was stopped in the middle of a pass and wakes change nothing', async () => {
    const { store, replica, pass, stop } = installation();
    const did: string[] = [];
    const a = replica('a', ({ clock, guard }) => ({
      async reconcile(kettle) {
        await sleep(clock, 1_000);
        try {
          guard();
          did.push('a called the provider');
        } catch (error) {
          did.push(isFault(error, 'Fenced') ? 'a was refused by its guard' : 'a failed otherwise');
        }
        kettle.status.number = 666;
        await kettle.checkpoint().catch((error: unknown) => {
          did.push(isFault(error, 'Fenced') ? 'a was refused by its writer' : 'a failed otherwise');
          throw error;
        });
        return settled();
      },
    }));
    await settle();
    const b = replica('b', () => ({
      async reconcile(kettle) {
        kettle.status.number = 1;
        did.push('b passed');
        return settled();
      },
    }));
    await pass(2_000);
    await store.create(Kettle, kettleManifest('tea'), user);
    await pass(500);
    expect([a.manager.isLeader(), b.manager.isLeader()]).toEqual([true, false]);

    await pass(20_000, a.clock);
    expect(did).toEqual(['b passed']);
    a.clock.pause(20_000);
    await a.clock.advance(1_000);
    expect(did).toEqual(['b passed', 'a was refused by its guard', 'a was refused by its writer']);
    expect(a.manager.isLeader()).toBe(false);
    expect((await store.get(Kettle, tea))?.status.number).toBe(1);
    await stop(a.manager, b.manager);
  });

  it('refuses in the store what the old leader had sent before it was stopped', async () => {
    const { store, replica, pass, stop } = installation();
    const loop = () => ({ reconcile: async () => settled() });
    const a = replica('a', loop);
    await settle();
    const b = replica('b', loop);
    const created = await store.create(Kettle, kettleManifest('tea'), user);
    await pass(20_000, a.clock);
    expect(b.manager.isLeader()).toBe(true);
    const current = (await store.get(Kettle, tea)) ?? created;
    const late = store.updateStatus(
      Kettle,
      { ...current, status: { ...current.status, hot: true } },
      { manager: 'controller/kettle', fence: 1n },
    );
    await expect(late).rejects.toMatchObject({ code: 'Fenced' });
    await stop(a.manager, b.manager);
  });

  it('never makes two passes over one object at the same time, whichever replica is stopped and for how long', async () => {
    const { store, replica, pass, stop } = installation();
    const under = new Map<string, number>();
    const overlaps: string[] = [];
    let passes = 0;
    // What a pass does outside counts: between two calls it may be stopped, and every call asks the guard first.
    const loop =
      (identity: string) =>
      ({ clock, guard }: { clock: FakeClock; guard(): void }) => ({
        async reconcile({ resource, signal }: Parameters<Reconciler<Kettle>['reconcile']>[0]) {
          const { name } = resource.metadata;
          for (let call = 0; call < 4; call++) {
            guard();
            const others = [...under].filter(
              ([key, until]) =>
                key.startsWith(`${name} `) && key !== `${name} ${identity}` && until > clock.monotonicMs(),
            );
            if (others.length > 0) overlaps.push(`${name}: ${identity} with ${others.map(([key]) => key).join()}`);
            under.set(`${name} ${identity}`, clock.monotonicMs() + 250);
            passes += 1;
            await sleep(clock, 250, signal);
          }
          return settled(2_000);
        },
      });
    const replicas = ['a', 'b'].map((identity) => replica(identity, loop(identity)));
    for (let index = 0; index < 5; index++) await store.create(Kettle, kettleManifest(`kettle-${index}`), user);
    let random = 7;
    for (let round = 0; round < 40; round++) {
      random = (random * 1_103_515_245 + 12_345) % 2_147_483_648;
      const stopped = replicas[random % 2];
      const forMs = 250 * (1 + ((random >> 8) % 90));
      await pass(forMs, stopped?.clock);
      stopped?.clock.pause(forMs);
    }
    expect(overlaps).toEqual([]);
    expect(passes).toBeGreaterThan(200);
    await stop(...replicas.map(({ manager }) => manager));
  });
});
