import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { Event } from '../crds/event.ts';
import { Project } from '../crds/project.ts';
import { FakeClock } from '../test/harness/fake-clock.ts';
import { Kettle, kettleManifest } from '../test/harness/toy.ts';
import { Fault } from './errors.ts';
import { EventRecorder } from './event-recorder.ts';
import { createMemoryStore } from './store/memory-store.ts';
import type { ResourceStore } from './store/store.ts';

const user = { manager: 'test' };

async function make(
  wrap: (store: ResourceStore) => Pick<ResourceStore, 'get' | 'create' | 'update'> = (store) => store,
) {
  const clock = new FakeClock();
  const store = createMemoryStore({ clock });
  const lines: string[] = [];
  const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(line) });
  const options = {
    store: wrap(store),
    clock,
    log,
    fence: () => undefined,
    redact: (text: string) => text.replaceAll('hunter2', '…'),
  };
  const recorder = new EventRecorder(options);
  const tea = await store.create(Kettle, kettleManifest('tea'), user);
  const events = async () => (await store.list(Event)).items.map(({ spec }) => spec);
  return { clock, store, lines, recorder, tea, events, anotherRecorder: () => new EventRecorder(options) };
}

describe('EventRecorder', () => {
  it('writes what happened, beside the object', async () => {
    const { store, recorder, tea } = await make();
    recorder.record(tea, 'Normal', 'Created', 'The kettle is being made.');
    await recorder.flushed();
    const [event] = (await store.list(Event, { namespace: 'home' })).items;
    expect(event?.spec).toEqual({
      regarding: { kind: 'Kettle', namespace: 'home', name: 'tea', uid: tea.metadata.uid },
      type: 'Normal',
      reason: 'Created',
      message: 'The kettle is being made.',
      count: 1,
      firstTimestamp: '2026-01-01T00:00:00.000Z',
      lastTimestamp: '2026-01-01T00:00:00.000Z',
    });
  });

  it('counts the same words about the same object, also in the next process', async () => {
    const { clock, recorder, anotherRecorder, tea, events } = await make();
    recorder.record(tea, 'Warning', 'TaskFailed', 'No water.');
    recorder.record(tea, 'Warning', 'TaskFailed', 'No water.');
    await recorder.flushed();
    await clock.advance(60_000);
    const next = anotherRecorder();
    next.record(tea, 'Warning', 'TaskFailed', 'No water.');
    await next.flushed();
    expect(await events()).toMatchObject([
      { count: 3, firstTimestamp: '2026-01-01T00:00:00.000Z', lastTimestamp: '2026-01-01T00:01:00.000Z' },
    ]);
  });

  it('keeps different words apart', async () => {
    const { recorder, tea, events } = await make();
    recorder.record(tea, 'Warning', 'TaskFailed', 'No water.');
    recorder.record(tea, 'Warning', 'TaskFailed', 'No fire.');
    recorder.record(tea, 'Normal', 'Created', 'No fire.');
    await recorder.flushed();
    expect((await events()).length).toBe(3);
  });

  it('puts what happened to a cluster-scoped object into the namespace of the installation', async () => {
    const { store, recorder } = await make();
    const manifest = { apiVersion: 'containr.dev/v1alpha1', kind: 'Project', metadata: { name: 'shop' } };
    const shop = await store.create(Project, Project.parseManifest(manifest), user);
    recorder.record(shop, 'Normal', 'Created', 'Made.');
    await recorder.flushed();
    expect((await store.list(Event, { namespace: 'containr-system' })).items.length).toBe(1);
  });

  it('lets one object speak 25 times at once and then every five minutes', async () => {
    const { clock, store, recorder, tea, events } = await make();
    const coffee = await store.create(Kettle, kettleManifest('coffee'), user);
    const tell = async (times: number) => {
      for (let time = 0; time < times; time++) recorder.record(tea, 'Normal', 'Created', `Message ${time}.`);
      await recorder.flushed();
      return (await events())
        .filter(({ regarding }) => regarding.name === 'tea')
        .reduce((sum, { count }) => sum + count, 0);
    };
    expect(await tell(40)).toBe(25);
    await clock.advance(11 * 60_000);
    expect(await tell(40)).toBe(27);
    recorder.record(coffee, 'Normal', 'Created', 'Made.');
    await recorder.flushed();
    expect((await events()).filter(({ regarding }) => regarding.name === 'coffee').length).toBe(1);
  });

  it('takes secrets out', async () => {
    const { recorder, tea, events } = await make();
    recorder.record(tea, 'Warning', 'TaskFailed', 'The password hunter2 is wrong.');
    await recorder.flushed();
    expect((await events())[0]?.message).toBe('The password … is wrong.');
  });

  it('does not fail a pass when the store is away, and writes later', async () => {
    let away = 2;
    const { clock, recorder, tea, events } = await make((store) => ({
      ...store,
      get: (kind, key) => (away-- > 0 ? Promise.reject(new Fault('Unavailable', 'Away.')) : store.get(kind, key)),
    }));
    recorder.record(tea, 'Normal', 'Created', 'Made.');
    recorder.record(tea, 'Normal', 'Started', 'Started.');
    await clock.advance(20_000);
    await recorder.flushed();
    expect((await events()).map(({ reason }) => reason).sort()).toEqual(['Created', 'Started']);
  });

  it('gives up on an event that cannot be written, and says so once', async () => {
    const { clock, recorder, tea, lines } = await make((store) => ({
      ...store,
      create: () => Promise.reject(new Fault('Invalid', 'Not so.')),
    }));
    recorder.record(tea, 'Normal', 'Created', 'Made.');
    await clock.advance(60_000);
    await recorder.flushed();
    expect(lines.length).toBe(1);
    expect(lines[0]).toContain('dropped');
  });

  it('counts right when somebody else wrote the event meanwhile', async () => {
    let races = 1;
    const { recorder, tea, events } = await make((store) => ({
      ...store,
      async update(kind, object, writer) {
        if (races-- > 0) throw new Fault('Conflict', 'Changed meanwhile.');
        return store.update(kind, object, writer);
      },
    }));
    recorder.record(tea, 'Normal', 'Created', 'Made.');
    await recorder.flushed();
    recorder.record(tea, 'Normal', 'Created', 'Made.');
    await recorder.flushed();
    expect((await events())[0]?.count).toBe(2);
  });

  it('writes nothing in a process that no longer leads', async () => {
    const { clock, store, lines, tea, events } = await make();
    const fence = () => {
      throw new Fault('Fenced', 'Not the leader.');
    };
    const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(line) });
    const recorder = new EventRecorder({ store, clock, log, fence });
    recorder.record(tea, 'Normal', 'Created', 'Made.');
    await recorder.flushed();
    expect(await events()).toEqual([]);
    expect(lines).toEqual([]);
  });
});
