import { describe, expect, it } from 'vitest';
import { conditionIs } from '../../crds/condition.ts';
import { createMemoryStore } from '../../controller/store/memory-store.ts';
import { crashMatrix } from './crash-matrix.ts';
import type { CrashPoint } from './crash.ts';
import { FakeClock } from './fake-clock.ts';
import { FakeKitchen, Kettle, kettleManifest, kettleReconciler, Lid } from './toy.ts';
import { World } from './world.ts';

const user = { manager: 'test' };

async function scene(crash?: CrashPoint) {
  const clock = new FakeClock();
  const store = createMemoryStore({ clock });
  const kitchen = new FakeKitchen(clock);
  const world = new World({
    store,
    clock,
    crash,
    build: ({ reach, resourcesFor }) => [kettleReconciler(reach(kitchen), resourcesFor(Kettle))],
  });
  await store.create(Kettle, kettleManifest('tea', { lids: 2 }), user);
  return { world, store, kitchen };
}

describe('World', () => {
  it('runs loops until every object is settled', async () => {
    const { world, store, kitchen } = await scene();
    const report = await world.runUntilQuiet();
    const kettle = await store.get(Kettle, { namespace: 'home', name: 'tea' });
    expect(report.because).toBe('settled');
    expect(kitchen.kettles.size).toBe(1);
    expect(kettle?.status.hot).toBe(true);
    expect(kettle?.status.observedGeneration).toBe(1);
    expect(conditionIs(kettle?.status.conditions ?? [], 'Ready', 'True')).toBe(true);
    expect(conditionIs(kettle?.status.conditions ?? [], 'Reconciling', 'False')).toBe(true);
    expect((await store.list(Lid)).items.length).toBe(2);
  });

  it('ends with one kettle and two lids wherever the process dies', async () => {
    const runs = await crashMatrix({
      make: scene,
      story: async ({ world }) => {
        await world.runUntilQuiet();
      },
      check: async ({ kitchen, store }) => {
        expect([...kitchen.kettles.keys()].length).toBe(1);
        expect((await store.list(Lid)).items.length).toBe(2);
      },
    });
    expect(runs).toBeGreaterThan(20);
  });

  it('ends with nothing wherever the process dies while an object is deleted', async () => {
    await crashMatrix({
      make: scene,
      story: async ({ world, store }) => {
        await world.runUntilQuiet();
        await store.delete(Kettle, { namespace: 'home', name: 'tea' }, user);
        await world.runUntilQuiet();
      },
      check: async ({ kitchen, store }) => {
        expect(kitchen.kettles.size).toBe(0);
        expect((await store.list(Kettle)).items).toEqual([]);
        expect((await store.list(Lid)).items).toEqual([]);
      },
    });
  });
});
