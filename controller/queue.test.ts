import { describe, expect, it } from 'vitest';
import { FakeClock, settle } from '../test/harness/fake-clock.ts';
import { formatKey } from './object-key.ts';
import { WorkQueue } from './queue.ts';

function make(options: { retryLimit?: number } = {}) {
  const clock = new FakeClock();
  return { clock, queue: new WorkQueue({ clock, ...options }) };
}

const key = (text: string) => {
  const [namespace, name = ''] = text.includes('/') ? text.split('/') : [undefined, text];
  return { namespace, name };
};

/** Takes whatever there is, each key given back at once. */
function drain(queue: WorkQueue): string[] {
  const taken: string[] = [];
  for (let next = queue.tryTake(); next; next = queue.tryTake()) {
    taken.push(formatKey(next));
    queue.done(next);
  }
  return taken;
}

describe('WorkQueue', () => {
  it('holds a key once, however often it is added', () => {
    const { queue } = make();
    for (let times = 0; times < 3; times++) queue.add(key('a/web'), 'change');
    expect(queue.size).toBe(1);
    expect(drain(queue)).toEqual(['a/web']);
  });

  it('keeps keys apart that have the same name in different namespaces, or in none', () => {
    const { queue } = make();
    for (const text of ['a/web', 'b/web', 'web']) queue.add(key(text), 'change');
    expect(drain(queue).sort()).toEqual(['a/web', 'b/web', 'web']);
  });

  it('gives a key to one worker at a time, and once more when it was added meanwhile', () => {
    const { queue } = make();
    queue.add(key('a/web'), 'change');
    const taken = queue.tryTake();
    queue.add(key('a/web'), 'change');
    queue.add(key('a/web'), 'wake');
    expect(queue.tryTake()).toBeUndefined();
    if (taken) queue.done(taken);
    expect(drain(queue)).toEqual(['a/web']);
  });

  it('hands a key to a worker that waits, and nothing more to it', async () => {
    const { queue } = make();
    const first = queue.take();
    const second = queue.take();
    queue.add(key('a/web'), 'change');
    expect(await first).toEqual(key('a/web'));
    queue.add(key('a/db'), 'change');
    expect(await second).toEqual(key('a/db'));
  });

  it('takes changes before wakings, wakings before resyncs, retries last', () => {
    const { queue } = make();
    queue.add(key('a/retry'), 'retry');
    queue.add(key('a/resync'), 'resync');
    queue.add(key('a/wake'), 'wake');
    queue.add(key('a/change'), 'change');
    expect(drain(queue)).toEqual(['a/change', 'a/wake', 'a/resync', 'a/retry']);
  });

  it('moves a key forward that becomes more urgent, and never back', () => {
    const { queue } = make();
    queue.add(key('a/first'), 'resync');
    queue.add(key('a/second'), 'resync');
    queue.add(key('a/second'), 'change');
    queue.add(key('a/second'), 'retry');
    expect(queue.size).toBe(2);
    expect(drain(queue)).toEqual(['a/second', 'a/first']);
  });

  it('serves namespaces in turn', () => {
    const { queue } = make();
    for (let index = 0; index < 5; index++) queue.add(key(`big/${index}`), 'change');
    queue.add(key('small/web'), 'change');
    queue.add(key('cluster'), 'change');
    expect(drain(queue).slice(0, 3)).toEqual(['big/0', 'small/web', 'cluster']);
  });

  it('takes the least urgent now and then, so that nothing waits for ever', () => {
    const { queue } = make();
    queue.add(key('a/retry'), 'retry');
    const order: string[] = [];
    for (let index = 0; index < 40; index++) {
      queue.add(key(`a/${index}`), 'change');
      queue.add(key(`a/${index}-too`), 'change');
      const next = queue.tryTake();
      if (next) queue.done(next);
      order.push(next?.name ?? '');
    }
    expect(order.indexOf('retry')).toBeGreaterThan(8);
    expect(order.indexOf('retry')).toBeLessThan(20);
  });

  it('lets retries hold only their share of the workers', () => {
    const { queue } = make({ retryLimit: 2 });
    for (let index = 0; index < 5; index++) queue.add(key(`a/${index}`), 'retry');
    const [first, second, third] = [queue.tryTake(), queue.tryTake(), queue.tryTake()];
    expect([first?.name, second?.name, third]).toEqual(['0', '1', undefined]);
    queue.add(key('a/web'), 'resync');
    expect(queue.tryTake()).toEqual(key('a/web'));
    if (first) queue.done(first);
    expect(queue.tryTake()).toEqual(key('a/2'));
  });

  it('gives a delayed key out when its time has come', async () => {
    const { clock, queue } = make();
    queue.addAfter(key('a/web'), 1_000, 'wake');
    await clock.advance(999);
    expect(queue.tryTake()).toBeUndefined();
    const taken = queue.take();
    await clock.advance(1);
    expect(await taken).toEqual(key('a/web'));
  });

  it.each([
    ['earlier', 1_000, 5_000],
    ['later', 5_000, 1_000],
  ])('keeps the earliest of several times, added %s first', async (_, first, second) => {
    const { clock, queue } = make();
    queue.addAfter(key('a/web'), first, 'wake');
    queue.addAfter(key('a/web'), second, 'wake');
    await clock.advance(1_000);
    expect(drain(queue)).toEqual(['a/web']);
    await clock.advance(10_000);
    expect(drain(queue)).toEqual([]);
  });

  it('forgets the time of a key that is taken before: its pass decides anew', async () => {
    const { clock, queue } = make();
    queue.addAfter(key('a/web'), 1_000, 'wake');
    queue.add(key('a/web'), 'change');
    expect(drain(queue)).toEqual(['a/web']);
    expect(queue.nextDueMs).toBeUndefined();
    await clock.advance(1_000);
    expect(drain(queue)).toEqual([]);
  });

  it('runs a key again whose time comes while it runs', async () => {
    const { clock, queue } = make();
    queue.add(key('a/web'), 'change');
    const taken = queue.tryTake();
    queue.addAfter(key('a/web'), 1_000, 'wake');
    await clock.advance(1_000);
    expect(queue.tryTake()).toBeUndefined();
    if (taken) queue.done(taken);
    expect(drain(queue)).toEqual(['a/web']);
  });

  it('forgets a key that is gone, waiting or delayed', async () => {
    const { clock, queue } = make();
    queue.add(key('a/waiting'), 'change');
    queue.addAfter(key('a/delayed'), 1_000, 'wake');
    queue.forget(key('a/waiting'));
    queue.forget(key('a/delayed'));
    await clock.advance(1_000);
    expect(queue.size).toBe(0);
    expect(drain(queue)).toEqual([]);
  });

  it('can be given a key again after it was forgotten while it ran', () => {
    const { queue } = make();
    queue.add(key('a/web'), 'change');
    const taken = queue.tryTake();
    queue.add(key('a/web'), 'change');
    queue.forget(key('a/web'));
    if (taken) queue.done(taken);
    expect(drain(queue)).toEqual([]);
    queue.add(key('a/web'), 'change');
    expect(drain(queue)).toEqual(['a/web']);
  });

  it('answers undefined to everybody once it is closed, and takes nothing in', async () => {
    const { clock, queue } = make();
    const waiting = queue.take();
    queue.addAfter(key('a/late'), 1_000, 'wake');
    queue.close();
    queue.add(key('a/web'), 'change');
    await clock.advance(1_000);
    expect(await waiting).toBeUndefined();
    expect(await queue.take()).toBeUndefined();
    expect(clock.nextTimerMs).toBeUndefined();
  });

  it('measures how long keys waited, counted from when they were first wanted', async () => {
    const clock = new FakeClock();
    const waits: number[] = [];
    const nothing = () => undefined;
    const metrics = {
      added: nothing,
      retried: nothing,
      depth: nothing,
      finished: nothing,
      started: (ms: number) => void waits.push(ms),
    };
    const queue = new WorkQueue({ clock, metrics });
    queue.add(key('a/web'), 'resync');
    await clock.advance(20);
    queue.add(key('a/web'), 'change');
    await clock.advance(10);
    const taken = queue.tryTake();
    queue.add(key('a/web'), 'change');
    await clock.advance(5);
    if (taken) queue.done(taken);
    drain(queue);
    expect(waits).toEqual([30, 5]);
  });

  it('moves a hundred thousand keys, delayed and not, within a few seconds', async () => {
    const { clock, queue } = make();
    const startMs = performance.now();
    for (let index = 0; index < 100_000; index++) {
      queue.add(key(`ns${index % 100}/${index}`), 'resync');
      queue.addAfter(key(`ns${index % 100}/${index}`), (index * 7_919) % 300_000, 'resync');
    }
    expect(drain(queue).length).toBe(100_000);
    for (let index = 0; index < 100_000; index++)
      queue.addAfter(key(`ns${index % 100}/${index}`), index % 1_000, 'resync');
    await clock.advance(1_000);
    expect(queue.size).toBe(100_000);
    expect(drain(queue).length).toBe(100_000);
    await settle();
    expect(performance.now() - startMs).toBeLessThan(10_000);
  });
});
