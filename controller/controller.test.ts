import { describe, expect, it } from 'vitest';
import { KettleWorld, tea } from '../test/harness/kettle-world.ts';
import { Kettle, kettleManifest, Lid, lidManifest } from '../test/harness/toy.ts';
import { Fault } from './errors.ts';
import { retry, settled, waiting } from './outcome.ts';

const user = { manager: 'test' };

describe('Controller', () => {
  it('is not woken by the status that it writes itself', async () => {
    let number = 0;
    const world = await KettleWorld.with({
      async reconcile(pass) {
        pass.status.number = number++;
        await pass.checkpoint();
        return settled();
      },
    });
    await world.runUntilQuiet();
    expect(world.passes).toBe(1);
  });

  it('is woken by a new spec, and answers its generation', async () => {
    const world = await KettleWorld.with({ reconcile: async () => settled() });
    await world.runUntilQuiet();
    const before = await world.kettle();
    await world.store.update(Kettle, { ...before, spec: { ...before.spec, litres: 2 } }, user);
    await world.runUntilQuiet();
    expect(world.passes).toBe(2);
    expect((await world.kettle()).status.observedGeneration).toBe(2);
  });

  it('looks again in time, for drift', async () => {
    const world = await KettleWorld.with({ reconcile: async () => settled(60_000) });
    await world.run(10 * 60_000);
    expect(world.passes).toBeGreaterThanOrEqual(9);
    expect(world.passes).toBeLessThanOrEqual(11);
  });

  it('sees its own writes in the next pass, and in this one', async () => {
    const seen: number[] = [];
    const world = await KettleWorld.with(({ resourcesFor }) => {
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
    const world = await KettleWorld.with({ owns: [Lid], reconcile: async () => settled() });
    await world.runUntilQuiet();
    const lid = await world.store.create(Lid, lidManifest('lid', await world.kettle()), user);
    await world.runUntilQuiet();
    expect(world.passes).toBe(2);
    await world.store.updateStatus(Lid, { ...lid, status: { conditions: [], observedGeneration: 1 } }, user);
    await world.runUntilQuiet();
    expect(world.passes).toBe(3);
    await world.store.delete(Lid, { namespace: 'home', name: 'lid' }, user);
    await world.runUntilQuiet();
    expect(world.passes).toBe(4);
  });

  it('is woken by what it watches, for the objects that this concerns', async () => {
    const world = await KettleWorld.with({
      watches: [{ kind: Lid, keysOf: (lid) => (lid.metadata.name === 'lid' ? [tea] : []) }],
      reconcile: async () => settled(),
    });
    await world.runUntilQuiet();
    const { namespace = '' } = (await world.kettle()).metadata;
    const lid = (name: string) => ({
      apiVersion: 'containr.dev/v1alpha1',
      kind: 'Lid',
      metadata: { name, namespace },
      spec: {},
    });
    await world.store.create(Lid, Lid.parseManifest(lid('other')), user);
    await world.runUntilQuiet();
    expect(world.passes).toBe(1);
    await world.store.create(Lid, Lid.parseManifest(lid('lid')), user);
    await world.runUntilQuiet();
    expect(world.passes).toBe(2);
  });

  it('is woken by its siblings, but not by itself, when it watches its own kind', async () => {
    let number = 0;
    const world = await KettleWorld.with(({ read }) => ({
      watches: [{ kind: Kettle, keysOf: () => read.list(Kettle).map(({ metadata }) => metadata) }],
      async reconcile(pass) {
        pass.status.number ??= number++;
        return settled();
      },
    }));
    await world.runUntilQuiet();
    expect(world.passes).toBe(1);
    await world.store.create(Kettle, kettleManifest('coffee'), user);
    await world.runUntilQuiet();
    expect(world.passes).toBeGreaterThan(1);
    expect(world.passes).toBeLessThan(5);
  });

  it('can be woken from outside', async () => {
    let wake: ((key: typeof tea) => void) | undefined;
    const world = await KettleWorld.with({ attach: (call) => (wake = call), reconcile: async () => settled() });
    await world.runUntilQuiet();
    wake?.(tea);
    await world.runUntilQuiet();
    expect(world.passes).toBe(2);
  });

  it('rests longer and longer while it fails, and not at all for a new spec', async () => {
    const world = await KettleWorld.with({
      async reconcile() {
        throw new Fault('Unavailable', 'The kitchen does not answer.');
      },
    });
    await world.run(60_000);
    expect(world.passes).toBeGreaterThan(3);
    expect(world.passes).toBeLessThan(8);
    const before = await world.kettle();
    const failed = world.passes;
    await world.store.update(Kettle, { ...before, spec: { ...before.spec, litres: 2 } }, user);
    await world.run(5_000);
    expect(world.passes).toBeGreaterThan(failed + 1);
  });

  it('slows a loop down that asks to be called at once while nothing moves', async () => {
    const world = await KettleWorld.with({ reconcile: async () => waiting('Waiting', 'Waiting for water.', 0) });
    await world.run(60_000);
    expect(world.passes).toBeLessThan(100);
  });

  it('calls a loop at once that moves from step to step', async () => {
    const world = await KettleWorld.with({
      async reconcile(pass) {
        pass.status.number = (pass.status.number ?? 0) + 1;
        return pass.status.number < 50 ? waiting('Creating', 'Step by step.', 0) : settled();
      },
    });
    const startMs = world.clock.monotonicMs();
    await world.runUntilQuiet();
    expect(world.clock.monotonicMs() - startMs).toBeLessThan(100);
  });

  it('waits as long as it was told to after being throttled', async () => {
    const world = await KettleWorld.with({
      reconcile: async () => retry('Throttled', 'The kitchen asks for patience.', 30_000),
    });
    await world.run(29_000);
    expect(world.passes).toBe(1);
    await world.run(2_000);
    expect(world.passes).toBe(2);
  });

  it('does not run hot when something moves all the time under an object that fails', async () => {
    const world = await KettleWorld.with({
      owns: [Lid],
      async reconcile() {
        throw new Fault('Unavailable', 'The kitchen does not answer.');
      },
    });
    const lid = await world.store.create(Lid, lidManifest('lid', await world.kettle()), user);
    let observedGeneration = 0;
    for (let second = 0; second < 20; second++) {
      for (let change = 0; change < 5; change++) {
        const current = await world.store.get(Lid, { namespace: 'home', name: lid.metadata.name });
        const status = { conditions: [], observedGeneration: observedGeneration++ };
        if (current) await world.store.updateStatus(Lid, { ...current, status }, user);
        await world.run(200);
      }
    }
    expect(world.passes).toBeLessThan(25);
  });
});
