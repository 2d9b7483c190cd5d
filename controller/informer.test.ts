import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { FakeClock, settle } from '../test/harness/fake-clock.ts';
import { Kettle, kettleManifest } from '../test/harness/toy.ts';
import { Fault } from './errors.ts';
import { Informer } from './informer.ts';
import { createMemoryStore } from './store/memory-store.ts';
import type { ResourceStore, WatchEvent } from './store/store.ts';

const user = { manager: 'test' };
const log = pino({ level: 'silent' });

/** A store whose answers can be made to fail, in order. */
function make(troubles: { list?: Fault[]; watch?: Fault[] } = {}) {
  const clock = new FakeClock();
  const store = createMemoryStore({ clock });
  const calls: string[] = [];
  const troubled: Pick<ResourceStore, 'list' | 'watch'> = {
    list(kind, options) {
      calls.push('list');
      const trouble = troubles.list?.shift();
      return trouble ? Promise.reject(trouble) : store.list(kind, options);
    },
    watch(kind, options) {
      calls.push(`watch ${options.since}`);
      const trouble = troubles.watch?.shift();
      return trouble ? failing(trouble) : store.watch(kind, options);
    },
  };
  const informer = new Informer({ kind: Kettle, store: troubled, clock, log });
  const names = () => informer.cache.list().map(({ metadata }) => metadata.name);
  const add = (name: string) => store.create(Kettle, kettleManifest(name), user);
  return { clock, store, informer, calls, names, add };
}

async function* failing(trouble: Fault): AsyncIterable<WatchEvent<never>> {
  yield* [];
  throw trouble;
}

describe('Informer', () => {
  it('has what was there before and what comes after', async () => {
    const { informer, names, add } = make();
    const stop = new AbortController();
    await add('tea');
    const running = informer.run(stop.signal);
    await informer.synced;
    await add('coffee');
    await settle();
    expect(names()).toEqual(['tea', 'coffee']);
    stop.abort();
    await running;
  });

  it('has all of many objects', async () => {
    const { informer, add } = make();
    const stop = new AbortController();
    for (let index = 0; index < 1_201; index++) await add(`kettle-${index}`);
    const running = informer.run(stop.signal);
    await informer.synced;
    expect(informer.cache.size).toBe(1_201);
    stop.abort();
    await running;
  });

  it('goes on where it was after the watch broke off, without listing', async () => {
    const { clock, informer, calls, names, add } = make({ watch: [new Fault('Unavailable', 'Gone.')] });
    const stop = new AbortController();
    const running = informer.run(stop.signal);
    await informer.synced;
    await settle();
    await add('tea');
    await clock.advance(1_000);
    expect(names()).toEqual(['tea']);
    expect(calls).toEqual(['list', 'watch 0', 'watch 0']);
    stop.abort();
    await running;
  });

  it('asks only for what came after the last change when the watch broke off in the middle', async () => {
    const { clock, store, calls, add } = make();
    const stop = new AbortController();
    const breaking = new Informer({
      kind: Kettle,
      clock,
      log,
      store: {
        list: (kind, options) => store.list(kind, options),
        async *watch(kind, options) {
          calls.push(`watch ${options.since}`);
          for await (const event of store.watch(kind, options)) {
            yield event;
            if (event.type !== 'BOOKMARK' && calls.length === 1) throw new Fault('Unavailable', 'Gone.');
          }
        },
      },
    });
    const running = breaking.run(stop.signal);
    await breaking.synced;
    await settle();
    await add('tea');
    await clock.advance(1_000);
    await add('coffee');
    await settle();
    expect(calls).toEqual(['watch 0', 'watch 1']);
    expect(breaking.cache.size).toBe(2);
    stop.abort();
    await running;
  });

  it('lists anew when the place to go on from is compacted, and tells what went meanwhile', async () => {
    const { clock, store, informer, calls, add } = make({ watch: [new Fault('Expired', 'Too old.')] });
    const stop = new AbortController();
    await add('tea');
    const told: string[] = [];
    informer.subscribe(({ type, object }) => void told.push(`${type} ${object.metadata.name}`));
    const running = informer.run(stop.signal);
    await informer.synced;
    const tea = await store.get(Kettle, { namespace: 'home', name: 'tea' });
    if (tea) await store.update(Kettle, { ...tea, metadata: { ...tea.metadata, finalizers: [] } }, user);
    await store.delete(Kettle, { namespace: 'home', name: 'tea' }, user);
    await add('coffee');
    await clock.advance(1_000);
    expect(told).toEqual(['added tea', 'deleted tea', 'added coffee']);
    expect(calls.filter((call) => call === 'list').length).toBe(2);
    stop.abort();
    await running;
  });

  it('tries again with pauses when the store does not answer', async () => {
    const away = () => new Fault('Unavailable', 'Away.');
    const { clock, informer, calls, add } = make({ list: Array.from({ length: 8 }, away) });
    const stop = new AbortController();
    await add('tea');
    const running = informer.run(stop.signal);
    await clock.advance(5_000);
    expect(informer.hasSynced).toBe(false);
    expect(calls.length).toBeLessThan(8);
    await clock.advance(60_000);
    expect(informer.hasSynced).toBe(true);
    stop.abort();
    await running;
  });

  it('does not let one follower that fails keep the news from the others', async () => {
    const { informer, add } = make();
    const stop = new AbortController();
    const told: string[] = [];
    informer.subscribe(() => {
      throw new Error('broken');
    });
    informer.subscribe(({ object }) => void told.push(object.metadata.name));
    const running = informer.run(stop.signal);
    await informer.synced;
    await add('tea');
    await settle();
    expect(told).toEqual(['tea']);
    stop.abort();
    await running;
  });

  it('tells nobody who does not want to know any more', async () => {
    const { informer, add } = make();
    const stop = new AbortController();
    const told: string[] = [];
    const end = informer.subscribe(({ object }) => void told.push(object.metadata.name));
    end();
    const running = informer.run(stop.signal);
    await informer.synced;
    await add('tea');
    await settle();
    expect(told).toEqual([]);
    stop.abort();
    await running;
  });
});
