import { describe, expect, it } from 'vitest';
import { FakeClock } from '../test/harness/fake-clock.ts';
import { aborted, sleep, within } from './sleep.ts';

/** Whether something has resolved yet. */
function follow(work: Promise<unknown>): () => boolean {
  let isDone = false;
  void work.finally(() => (isDone = true));
  return () => isDone;
}

describe('sleep', () => {
  it('ends when its time has come', async () => {
    const clock = new FakeClock();
    const isDone = follow(sleep(clock, 100));
    await clock.advance(99);
    expect(isDone()).toBe(false);
    await clock.advance(1);
    expect(isDone()).toBe(true);
  });

  it('ends at once when it is called off, before or meanwhile, and leaves no timer', async () => {
    const clock = new FakeClock();
    const off = new AbortController();
    const during = sleep(clock, 100, off.signal);
    off.abort();
    await during;
    await sleep(clock, 100, off.signal);
    expect(clock.nextTimerMs).toBeUndefined();
  });
});

describe('within', () => {
  it('waits for the work, and leaves no timer', async () => {
    const clock = new FakeClock();
    const { promise, resolve } = Promise.withResolvers<void>();
    const isDone = follow(within(clock, 100, promise));
    await clock.advance(50);
    expect(isDone()).toBe(false);
    resolve();
    await clock.advance(0);
    expect([isDone(), clock.nextTimerMs]).toEqual([true, undefined]);
  });

  it('does not wait longer than it may, nor after it is called off', async () => {
    const clock = new FakeClock();
    const never = new Promise(() => undefined);
    const off = new AbortController();
    const late = follow(within(clock, 100, never));
    const calledOff = follow(within(clock, 1_000, never, off.signal));
    await clock.advance(100);
    expect([late(), calledOff()]).toEqual([true, false]);
    off.abort();
    await clock.advance(0);
    expect(calledOff()).toBe(true);
  });
});

describe('aborted', () => {
  it('resolves when the signal aborts, and when it has', async () => {
    const off = new AbortController();
    const later = aborted(off.signal);
    off.abort();
    await expect(Promise.all([later, aborted(off.signal)])).resolves.toBeDefined();
  });
});
