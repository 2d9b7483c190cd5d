import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { Event } from '../crds/event.ts';
import { FakeClock } from '../test/harness/fake-clock.ts';
import { Kettle, kettleManifest } from '../test/harness/toy.ts';
import { EventRecorder } from './event-recorder.ts';
import { maintenanceTasks } from './maintenance.ts';
import { runPeriodically } from './periodic.ts';
import { createMemoryStore } from './store/memory-store.ts';

const DAY_MS = 24 * 3_600_000;
const log = pino({ level: 'silent' });

async function make() {
  const clock = new FakeClock();
  const store = createMemoryStore({ clock });
  const recorder = new EventRecorder({ store, clock, log, fence: () => undefined });
  let collections = 0;
  const garbage = { collect: async () => void (collections += 1) };
  const stop = new AbortController();
  const tasks = maintenanceTasks({ store, garbage, clock, fence: () => undefined });
  for (const task of tasks) void runPeriodically(task, { clock, log, signal: stop.signal });
  const tea = await store.create(Kettle, kettleManifest('tea'), { manager: 'test' });
  const tell = async (message: string) => {
    recorder.record(tea, 'Normal', 'Created', message);
    await recorder.flushed();
  };
  const told = async () => (await store.list(Event)).items.map(({ spec }) => spec.message);
  return { clock, store, stop, tell, told, collections: () => collections };
}

describe('maintenanceTasks', () => {
  it('removes events that have not happened for a day', async () => {
    const { clock, tell, told, stop } = await make();
    await tell('Once.');
    await tell('Again.');
    await clock.advance(DAY_MS - 60_000);
    await tell('Again.');
    expect(await told()).toEqual(expect.arrayContaining(['Once.', 'Again.']));
    await clock.advance(10 * 60_000);
    expect(await told()).toEqual(['Again.']);
    stop.abort();
  });

  it('forgets changes that are older than a client is likely to be away', async () => {
    const { clock, store, stop } = await make();
    const keepChanges = 10_000;
    for (let index = 0; index < keepChanges + 10; index++)
      await store.create(Kettle, kettleManifest(`k-${index}`), { manager: 'test' });
    await clock.advance(30 * 60_000);
    const watch = store.watch(Kettle, { since: '1', signal: stop.signal });
    await expect(watch[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: 'Expired' });
    stop.abort();
  });

  it('looks for garbage every minute, and at once', async () => {
    const { clock, stop, collections } = await make();
    await clock.advance(10 * 60_000);
    expect(collections()).toBe(11);
    stop.abort();
  });
});
