import { describe, expect, it } from 'vitest';
import { findCondition } from '../crds/condition.ts';
import type { Resource } from '../crds/define-kind.ts';
import { FakeClock } from '../test/harness/fake-clock.ts';
import { Kettle, kettleManifest, Lid, lidManifest } from '../test/harness/toy.ts';
import { World, type ProcessTools } from '../test/harness/world.ts';
import { Fault } from './errors.ts';
import { retry, settled, stalled, waiting } from './outcome.ts';
import { RECONCILE_REQUESTED_AT } from './pass-runner.ts';
import type { Reconciler } from './reconciler.ts';
import { sleep } from './sleep.ts';
import { createMemoryStore } from './store/memory-store.ts';
import type { ResourceStore } from './store/store.ts';

const user = { manager: 'test' };
const tea = { namespace: 'home', name: 'tea' };

type KettleLoop = Omit<Reconciler<Kettle>, 'kind'>;

/** A world with one loop for kettles, and a kettle called tea. */
async function make(loop: KettleLoop | ((tools: ProcessTools, store: ResourceStore) => KettleLoop)) {
  const clock = new FakeClock();
  const store = createMemoryStore({ clock });
  const world = new World({
    store,
    clock,
    alsoRead: [Lid],
    build(tools): Reconciler<Resource>[] {
      const kettles: Reconciler<Kettle> = { kind: Kettle, ...(typeof loop === 'function' ? loop(tools, store) : loop) };
      return [kettles];
    },
  });
  await store.create(Kettle, kettleManifest('tea'), user);
  const stored = async () => {
    const kettle = await store.get(Kettle, tea);
    if (!kettle) throw new Error('There is no kettle.');
    return kettle;
  };
  const passes = () => world.passesOf.get('Kettle home/tea') ?? 0;
  const says = async (type: string) => findCondition((await stored()).status.conditions, type);
  return { clock, store, world, stored, passes, says };
}

describe('Controller', () => {
  it('is not woken by the status that it writes itself', async () => {
    let number = 0;
    const { world, passes } = await make({
      async reconcile(pass) {
        pass.status.number = number++;
        await pass.checkpoint();
        return settled();
      },
    });
    await world.runUntilQuiet();
    expect(passes()).toBe(1);
  });

  it('is woken by a new spec, and answers its generation', async () => {
    const { world, store, stored, passes } = await make({ reconcile: async () => settled() });
    await world.runUntilQuiet();
    const before = await stored();
    await store.update(Kettle, { ...before, spec: { ...before.spec, litres: 2 } }, user);
    await world.runUntilQuiet();
    expect(passes()).toBe(2);
    expect((await stored()).status.observedGeneration).toBe(2);
  });

  it('looks again in time, for drift', async () => {
    const { world, passes } = await make({ reconcile: async () => settled(60_000) });
    await world.run(10 * 60_000);
    expect(passes()).toBeGreaterThanOrEqual(9);
    expect(passes()).toBeLessThanOrEqual(11);
  });

  it('writes a status that has not changed only once', async () => {
    const { world, stored } = await make({ reconcile: async () => settled(60_000) });
    await world.runUntilQuiet();
    const { resourceVersion } = (await stored()).metadata;
    await world.run(10 * 60_000);
    expect((await stored()).metadata.resourceVersion).toBe(resourceVersion);
  });

  it('saves a choice before the pass goes on', async () => {
    let saved: number | undefined;
    const { world } = await make((_, store) => ({
      async reconcile(pass) {
        pass.status.number = 7;
        await pass.checkpoint();
        saved = (await store.get(Kettle, tea))?.status.number;
        return settled();
      },
    }));
    await world.runUntilQuiet();
    expect(saved).toBe(7);
  });

  it('sees its own writes in the next pass, and in this one', async () => {
    const seen: number[] = [];
    const { world } = await make(({ resourcesFor }) => {
      const { read, write } = resourcesFor(Kettle);
      return {
        async reconcile({ resource }) {
          seen.push(read.ownedBy(Lid, resource.metadata.uid).length);
          if (seen.length > 3) return settled();
          await write.create(Lid, lidManifest(`lid-${seen.length}`, resource));
          seen.push(read.ownedBy(Lid, resource.metadata.uid).length);
          return waiting('Creating', 'Lids are being made.', 0);
        },
      };
    });
    await world.runUntilQuiet();
    expect(seen).toEqual([0, 1, 1, 2, 2]);
  });

  it('is woken by what it owns, in whatever way that changes', async () => {
    const { world, store, stored, passes } = await make({ owns: [Lid], reconcile: async () => settled() });
    await world.runUntilQuiet();
    const lid = await store.create(Lid, lidManifest('lid', await stored()), user);
    await world.runUntilQuiet();
    expect(passes()).toBe(2);
    await store.updateStatus(Lid, { ...lid, status: { conditions: [], observedGeneration: 1 } }, user);
    await world.runUntilQuiet();
    expect(passes()).toBe(3);
    await store.delete(Lid, { namespace: 'home', name: 'lid' }, user);
    await world.runUntilQuiet();
    expect(passes()).toBe(4);
  });

  it('is woken by what it watches, for the objects that this concerns', async () => {
    const { world, store, stored, passes } = await make({
      watches: [{ kind: Lid, keysOf: (lid) => (lid.metadata.name === 'lid' ? [tea] : []) }],
      reconcile: async () => settled(),
    });
    await world.runUntilQuiet();
    const { namespace = '' } = (await stored()).metadata;
    const lid = (name: string) => ({
      apiVersion: 'containr.dev/v1alpha1',
      kind: 'Lid',
      metadata: { name, namespace },
      spec: {},
    });
    await store.create(Lid, Lid.parseManifest(lid('other')), user);
    await world.runUntilQuiet();
    expect(passes()).toBe(1);
    await store.create(Lid, Lid.parseManifest(lid('lid')), user);
    await world.runUntilQuiet();
    expect(passes()).toBe(2);
  });

  it('is woken by its siblings, but not by itself, when it watches its own kind', async () => {
    let number = 0;
    const { world, store, passes } = await make(({ read }) => ({
      watches: [{ kind: Kettle, keysOf: () => read.list(Kettle).map(({ metadata }) => metadata) }],
      async reconcile(pass) {
        pass.status.number ??= number++;
        return settled();
      },
    }));
    await world.runUntilQuiet();
    expect(passes()).toBe(1);
    await store.create(Kettle, kettleManifest('coffee'), user);
    await world.runUntilQuiet();
    expect(passes()).toBeGreaterThan(1);
    expect(passes()).toBeLessThan(5);
  });

  it('can be woken from outside', async () => {
    let wake: ((key: typeof tea) => void) | undefined;
    const { world, passes } = await make({ attach: (call) => (wake = call), reconcile: async () => settled() });
    await world.runUntilQuiet();
    wake?.(tea);
    await world.runUntilQuiet();
    expect(passes()).toBe(2);
  });

  it('echoes a request for a pass once the pass has ended', async () => {
    const { world, store, stored, passes } = await make({ reconcile: async () => settled() });
    await world.runUntilQuiet();
    const before = await stored();
    const annotations = { [RECONCILE_REQUESTED_AT]: 'token-1' };
    await store.update(Kettle, { ...before, metadata: { ...before.metadata, annotations } }, user);
    await world.runUntilQuiet();
    expect((await stored()).status.lastHandledReconcileAt).toBe('token-1');
    expect(passes()).toBe(2);
  });

  it('keeps the finalizer until the loop has cleaned up, and reports meanwhile', async () => {
    let isClean = false;
    const { world, store, says } = await make({
      reconcile: async () => settled(),
      finalize: async () => (isClean ? settled() : waiting('Deleting', 'The kettle is being scrapped.', 1_000)),
    });
    await world.runUntilQuiet();
    await store.delete(Kettle, tea, user);
    await world.run(10_000);
    expect(await says('Reconciling')).toMatchObject({ status: 'True', reason: 'Deleting' });
    isClean = true;
    await world.runUntilQuiet();
    expect(await store.get(Kettle, tea)).toBeUndefined();
  });

  it('lets go at once of an object that needs no cleaning up', async () => {
    const { world, store } = await make({ reconcile: async () => settled() });
    await world.runUntilQuiet();
    await store.delete(Kettle, tea, user);
    await world.runUntilQuiet();
    expect(await store.get(Kettle, tea)).toBeUndefined();
  });

  it('leaves an object alone that only others still hold back', async () => {
    const { world, store, stored, passes } = await make({ reconcile: async () => settled() });
    await world.runUntilQuiet();
    const before = await stored();
    const finalizers = [...(before.metadata.finalizers ?? []), 'example.com/other'];
    await store.update(Kettle, { ...before, metadata: { ...before.metadata, finalizers } }, user);
    await store.delete(Kettle, tea, user);
    await world.runUntilQuiet();
    const before2 = passes();
    await world.run(30 * 60_000);
    expect((await stored()).metadata.finalizers).toEqual(['example.com/other']);
    expect(passes()).toBe(before2);
  });

  it('tells people once when only they can help', async () => {
    const { world, says } = await make({ reconcile: async () => stalled('Rejected', 'There is no such tea.') });
    await world.run(30 * 60_000);
    expect(world.events.map(({ type, reason, message }) => [type, reason, message])).toEqual([
      ['Warning', 'Rejected', 'There is no such tea.'],
    ]);
    expect(await says('Stalled')).toMatchObject({
      status: 'True',
      reason: 'Rejected',
      message: 'There is no such tea.',
    });
  });

  it('rests longer and longer while it fails, and not at all for a new spec', async () => {
    const { world, store, stored, passes } = await make({
      async reconcile() {
        throw new Fault('Unavailable', 'The kitchen does not answer.');
      },
    });
    await world.run(60_000);
    expect(passes()).toBeGreaterThan(3);
    expect(passes()).toBeLessThan(8);
    const before = await stored();
    const failed = passes();
    await store.update(Kettle, { ...before, spec: { ...before.spec, litres: 2 } }, user);
    await world.run(5_000);
    expect(passes()).toBeGreaterThan(failed + 1);
  });

  it('says why it fails, and which generation it could not answer', async () => {
    const { world, stored, says } = await make({
      async reconcile() {
        throw new Fault('Unavailable', 'The kitchen does not answer.');
      },
    });
    await world.run(1_000);
    const why = { reason: 'ProviderUnavailable', message: 'The kitchen does not answer.' };
    expect(await says('Reconciling')).toMatchObject({ status: 'True', ...why });
    expect(await says('Ready')).toMatchObject({ status: 'Unknown', ...why });
    expect((await stored()).status.observedGeneration).toBeUndefined();
  });

  it('tries again quietly after a stale read, and says so only when it goes on', async () => {
    let conflicts = 2;
    const { world, says, stored } = await make({
      async reconcile() {
        if (conflicts-- > 0) throw new Fault('Conflict', 'Somebody else was faster.');
        return settled();
      },
    });
    const { resourceVersion } = (await stored()).metadata;
    await world.run(1_000);
    expect((await stored()).metadata.resourceVersion).toBe(resourceVersion);
    await world.runUntilQuiet();
    expect(await says('Reconciling')).toMatchObject({ status: 'False', reason: 'Settled' });
    conflicts = 100;
    await world.run(30 * 60_000);
    expect(await says('Reconciling')).toMatchObject({ status: 'True', reason: 'WorldMoved' });
  });

  it('looks again when somebody changed the object under a pass, without losing their change', async () => {
    let edits = 1;
    const { world, stored, passes } = await make((_, store) => ({
      async reconcile(pass) {
        const current = await store.get(Kettle, tea);
        if (current && edits-- > 0)
          await store.update(Kettle, { ...current, spec: { ...current.spec, litres: 5 } }, user);
        pass.status.number = pass.resource.spec.litres;
        await pass.checkpoint();
        return settled();
      },
    }));
    await world.runUntilQuiet();
    expect((await stored()).spec.litres).toBe(5);
    expect((await stored()).status.number).toBe(5);
    expect(passes()).toBe(2);
  });

  it('comes back soon when it could not write how a pass ended', async () => {
    const clock = new FakeClock();
    const store = createMemoryStore({ clock });
    let away = 1;
    const world = new World({
      store: {
        ...store,
        updateStatus: (...write) =>
          away-- > 0 ? Promise.reject(new Fault('Unavailable', 'Away.')) : store.updateStatus(...write),
      },
      clock,
      build: () => [{ kind: Kettle, reconcile: async () => settled() } satisfies Reconciler<Kettle>],
    });
    await store.create(Kettle, kettleManifest('tea'), user);
    await world.run(2_000);
    expect((await store.get(Kettle, tea))?.status.observedGeneration).toBe(1);
  });

  it('stops a pass that takes too long and says what that means', async () => {
    const { world, clock, says } = await make(({ clock }) => ({
      async reconcile({ signal }) {
        await sleep(clock, 10 * 60_000, signal);
        signal.throwIfAborted();
        return settled();
      },
    }));
    await world.runUntilQuiet({ until: () => clock.monotonicMs() > 59_000 });
    const message = 'The pass was stopped after 60 s; something that it talks to does not answer.';
    expect(await says('Reconciling')).toMatchObject({ reason: 'ProviderUnavailable', message });
  });

  it('slows a loop down that asks to be called at once while nothing moves', async () => {
    const { world, passes } = await make({ reconcile: async () => waiting('Waiting', 'Waiting for water.', 0) });
    await world.run(60_000);
    expect(passes()).toBeLessThan(100);
  });

  it('calls a loop at once that moves from step to step', async () => {
    const { world, clock } = await make({
      async reconcile(pass) {
        pass.status.number = (pass.status.number ?? 0) + 1;
        return pass.status.number < 50 ? waiting('Creating', 'Step by step.', 0) : settled();
      },
    });
    const startMs = clock.monotonicMs();
    await world.runUntilQuiet();
    expect(clock.monotonicMs() - startMs).toBeLessThan(100);
  });

  it('waits as long as it was told to after being throttled', async () => {
    const { world, passes } = await make({
      reconcile: async () => retry('Throttled', 'The kitchen asks for patience.', 30_000),
    });
    await world.run(29_000);
    expect(passes()).toBe(1);
    await world.run(2_000);
    expect(passes()).toBe(2);
  });

  it('does not run hot when something moves all the time under an object that fails', async () => {
    const { world, store, stored, passes } = await make({
      owns: [Lid],
      async reconcile() {
        throw new Fault('Unavailable', 'The kitchen does not answer.');
      },
    });
    const lid = await store.create(Lid, lidManifest('lid', await stored()), user);
    let observedGeneration = 0;
    for (let second = 0; second < 20; second++) {
      for (let change = 0; change < 5; change++) {
        const current = await store.get(Lid, { namespace: 'home', name: lid.metadata.name });
        const status = { conditions: [], observedGeneration: observedGeneration++ };
        if (current) await store.updateStatus(Lid, { ...current, status }, user);
        await world.run(200);
      }
    }
    expect(passes()).toBeLessThan(25);
  });
});
