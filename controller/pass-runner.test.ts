import { describe, expect, it } from 'vitest';
import { FakeClock } from '../test/harness/fake-clock.ts';
import { KettleWorld, tea } from '../test/harness/kettle-world.ts';
import { Kettle, kettleManifest } from '../test/harness/toy.ts';
import { World } from '../test/harness/world.ts';
import { Fault } from './errors.ts';
import { settled, stalled, waiting } from './outcome.ts';
import { RECONCILE_REQUESTED_AT } from './pass-runner.ts';
import type { Reconciler } from './reconciler.ts';
import { sleep } from './sleep.ts';
import { createMemoryStore } from './store/memory-store.ts';

const user = { manager: 'test' };

describe('runPass', () => {
  it('writes a status that has not changed only once', async () => {
    const world = await KettleWorld.with({ reconcile: async () => settled(60_000) });
    await world.runUntilQuiet();
    const { resourceVersion } = (await world.kettle()).metadata;
    await world.run(10 * 60_000);
    expect((await world.kettle()).metadata.resourceVersion).toBe(resourceVersion);
  });

  it('saves a choice before the pass goes on', async () => {
    let saved: number | undefined;
    const world = await KettleWorld.with((_, store) => ({
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

  it('echoes a request for a pass once the pass has ended', async () => {
    const world = await KettleWorld.with({ reconcile: async () => settled() });
    await world.runUntilQuiet();
    const before = await world.kettle();
    const annotations = { [RECONCILE_REQUESTED_AT]: 'token-1' };
    await world.store.update(Kettle, { ...before, metadata: { ...before.metadata, annotations } }, user);
    await world.runUntilQuiet();
    expect((await world.kettle()).status.lastHandledReconcileAt).toBe('token-1');
    expect(world.passes).toBe(2);
  });

  it('puts the finalizer on an object that was made without it, before anything is made for it', async () => {
    const held: boolean[] = [];
    const world = await KettleWorld.with({
      async reconcile({ resource }) {
        held.push(resource.metadata.finalizers?.includes('containr.dev/kettle') ?? false);
        return settled();
      },
    });
    const made = await world.kettle();
    await world.store.update(
      Kettle,
      { ...made, metadata: { ...made.metadata, finalizers: ['example.com/own'] } },
      user,
    );
    await world.runUntilQuiet();
    expect(held).toEqual([true]);
    expect((await world.kettle()).metadata.finalizers).toEqual(['example.com/own', 'containr.dev/kettle']);
  });

  it('keeps the finalizer until the loop has cleaned up, and reports meanwhile', async () => {
    let isClean = false;
    const world = await KettleWorld.with({
      reconcile: async () => settled(),
      finalize: async () => (isClean ? settled() : waiting('Deleting', 'The kettle is being scrapped.', 1_000)),
    });
    await world.runUntilQuiet();
    await world.store.delete(Kettle, tea, user);
    await world.run(10_000);
    expect(await world.says('Reconciling')).toMatchObject({ status: 'True', reason: 'Deleting' });
    isClean = true;
    await world.runUntilQuiet();
    expect(await world.store.get(Kettle, tea)).toBeUndefined();
  });

  it('lets go at once of an object that needs no cleaning up', async () => {
    const world = await KettleWorld.with({ reconcile: async () => settled() });
    await world.runUntilQuiet();
    await world.store.delete(Kettle, tea, user);
    await world.runUntilQuiet();
    expect(await world.store.get(Kettle, tea)).toBeUndefined();
  });

  it('leaves an object alone that only others still hold back', async () => {
    const world = await KettleWorld.with({ reconcile: async () => settled() });
    await world.runUntilQuiet();
    const before = await world.kettle();
    const finalizers = [...(before.metadata.finalizers ?? []), 'example.com/other'];
    await world.store.update(Kettle, { ...before, metadata: { ...before.metadata, finalizers } }, user);
    await world.store.delete(Kettle, tea, user);
    await world.runUntilQuiet();
    const madeBefore = world.passes;
    await world.run(30 * 60_000);
    expect((await world.kettle()).metadata.finalizers).toEqual(['example.com/other']);
    expect(world.passes).toBe(madeBefore);
  });

  it('tells people once when only they can help', async () => {
    const world = await KettleWorld.with({ reconcile: async () => stalled('Rejected', 'There is no such tea.') });
    await world.run(30 * 60_000);
    expect(world.events.map(({ type, reason, message }) => [type, reason, message])).toEqual([
      ['Warning', 'Rejected', 'There is no such tea.'],
    ]);
    expect(await world.says('Stalled')).toMatchObject({
      status: 'True',
      reason: 'Rejected',
      message: 'There is no such tea.',
    });
  });

  it('says why it fails, and which generation it could not answer', async () => {
    const world = await KettleWorld.with({
      async reconcile() {
        throw new Fault('Unavailable', 'The kitchen does not answer.');
      },
    });
    await world.run(1_000);
    const why = { reason: 'ProviderUnavailable', message: 'The kitchen does not answer.' };
    expect(await world.says('Reconciling')).toMatchObject({ status: 'True', ...why });
    expect(await world.says('Ready')).toMatchObject({ status: 'Unknown', ...why });
    expect((await world.kettle()).status.observedGeneration).toBeUndefined();
  });

  it('tries again quietly after a stale read, and says so only when it goes on', async () => {
    let conflicts = 2;
    const world = await KettleWorld.with({
      async reconcile() {
        if (conflicts-- > 0) throw new Fault('Conflict', 'Somebody else was faster.');
        return settled();
      },
    });
    const { resourceVersion } = (await world.kettle()).metadata;
    await world.run(60);
    expect((await world.kettle()).metadata.resourceVersion).toBe(resourceVersion);
    await world.run(1_000);
    expect(await world.says('Reconciling')).toMatchObject({ status: 'False', reason: 'Settled' });
    conflicts = 100;
    await world.run(30 * 60_000);
    expect(await world.says('Reconciling')).toMatchObject({ status: 'True', reason: 'WorldMoved' });
  });

  it('looks again when somebody changed the object under a pass, without losing their change', async () => {
    let edits = 1;
    const world = await KettleWorld.with((_, store) => ({
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
    expect((await world.kettle()).spec.litres).toBe(5);
    expect((await world.kettle()).status.number).toBe(5);
    expect(world.passes).toBe(2);
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
    await world.store.create(Kettle, kettleManifest('tea'), user);
    await world.run(2_000);
    expect((await world.store.get(Kettle, tea))?.status.observedGeneration).toBe(1);
  });

  it('stops a pass that takes too long and says what that means', async () => {
    const world = await KettleWorld.with(({ clock }) => ({
      async reconcile({ signal }) {
        await sleep(clock, 10 * 60_000, signal);
        signal.throwIfAborted();
        return settled();
      },
    }));
    await world.runUntilQuiet({ until: () => world.clock.monotonicMs() > 59_000 });
    const message = 'The pass was stopped after 60 s; something that it talks to does not answer.';
    expect(await world.says('Reconciling')).toMatchObject({ reason: 'ProviderUnavailable', message });
  });
});
