import { describe, expect, it } from 'vitest';
import { Fault } from '../../controller/errors.ts';
import { retry, stalled, waiting, type Outcome } from '../../controller/outcome.ts';
import type { Pass, Reconciler } from '../../controller/reconciler.ts';
import { createMemoryStore } from '../../controller/store/memory-store.ts';
import { FakeClock } from '../harness/fake-clock.ts';
import { Kettle, kettleManifest, Lid, lidManifest } from '../harness/toy.ts';
import { World, type ProcessTools } from '../harness/world.ts';

type Reconcile = (pass: Pass<Kettle>, tools: ProcessTools) => Promise<Outcome>;
let counter = 0;

/** Loops that never get anywhere, each in its own way. */
const helpless: Record<string, Reconcile> = {
  'whose provider does not answer': async () => {
    throw new Fault('Unavailable', 'The kitchen does not answer.');
  },
  'whose provider fails with other words every time': async () => {
    throw new Fault('Unavailable', `The kitchen does not answer, request ${counter++}.`);
  },
  'whose credentials are refused': async () => {
    throw new Fault('Denied', 'The kitchen is closed.');
  },
  'whose provider has no room': async () => {
    throw new Fault('Exhausted', 'The kitchen is full.');
  },
  'whose provider is locked for hours': async () => {
    throw new Fault('Conflict', 'The kitchen is locked.');
  },
  'which asks to be tried again': async () => retry('TaskFailed', 'The task failed.'),
  'which only a person can help': async () => stalled('Rejected', 'There is no such tea.'),
  'which writes something new into its status every time': async (pass) => {
    pass.status.number = counter++;
    await pass.checkpoint();
    throw new Fault('Unavailable', 'The kitchen does not answer.');
  },
  'which makes and removes a child every time': async (pass, { resourcesFor }) => {
    const { read, write } = resourcesFor(Kettle);
    const [lid] = read.ownedBy(Lid, pass.resource.metadata.uid);
    if (lid) await write.delete(Lid, lid);
    else await write.create(Lid, lidManifest(`lid-${counter++}`, pass.resource));
    throw new Fault('Unavailable', 'The kitchen does not answer.');
  },
  'which waits for what never comes': async () => waiting('Waiting', 'Waiting for water.'),
};

describe('a loop that gets nowhere', () => {
  it.each(Object.entries(helpless))('%s makes fewer than 20 passes a minute', async (_, reconcile) => {
    const clock = new FakeClock();
    const store = createMemoryStore({ clock });
    const build = (tools: ProcessTools) => [
      { kind: Kettle, owns: [Lid], reconcile: (pass) => reconcile(pass, tools) } satisfies Reconciler<Kettle>,
    ];
    const world = new World({ store, clock, build });
    await store.create(Kettle, kettleManifest('tea'), { manager: 'test' });
    for (let minute = 0; minute < 5; minute++) {
      const before = world.passesOf.get('Kettle home/tea') ?? 0;
      await world.run(60_000);
      expect((world.passesOf.get('Kettle home/tea') ?? 0) - before).toBeLessThan(20);
    }
  });
});
