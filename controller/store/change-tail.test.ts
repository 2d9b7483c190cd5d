import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { FakeClock } from '../../test/harness/fake-clock.ts';
import { Fault } from '../errors.ts';
import type { ChangeBatch, StoredChange } from './backend.ts';
import { ChangeTail } from './change-tail.ts';
import { expired } from './version.ts';

/** A log of changes that can be made slow, and made to fail. */
class FakeLog {
  readonly changes: StoredChange[] = [];
  compacted = 0n;
  reads = 0;
  failure: Error | undefined;
  /** Awaited after what is answered was read, as a slow network would. */
  delay: () => Promise<unknown> = async () => undefined;

  /** Commits changes and answers them. */
  add(kind: string, count = 1): StoredChange[] {
    const before = this.changes.length;
    for (let n = 0; n < count; n += 1) {
      const version = BigInt(this.changes.length + 1);
      this.changes.push({
        version,
        change: 'ADDED',
        kind,
        namespace: '',
        name: `n${version}`,
        json: '{}',
        previous: undefined,
      });
    }
    return this.changes.slice(before);
  }

  readonly read = async (after: bigint, limit: number): Promise<ChangeBatch> => {
    this.reads += 1;
    if (this.failure) throw this.failure;
    if (after < this.compacted) throw expired(after);
    const changes = this.changes.slice(Number(after), Number(after) + limit);
    const head = BigInt(this.changes.length);
    const upTo = changes.at(-1)?.version ?? head;
    const answer = { changes, upTo, more: upTo < head };
    await this.delay();
    return answer;
  };
}

function follow(tail: ChangeTail, kind: string, since: bigint) {
  const stop = new AbortController();
  const told: bigint[] = [];
  const reached: bigint[] = [];
  const ended = (async () => {
    for await (const event of tail.follow({ kind, namespace: undefined }, since, stop.signal)) {
      if (event.type === 'change') told.push(event.change.version);
      else reached.push(event.version);
    }
  })();
  ended.catch(() => undefined);
  return { told, reached, ended, stop: () => stop.abort() };
}

const settle = () => pause(5);
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => BigInt(from + index));

describe('ChangeTail', () => {
  it('reads each change once, however many watch', async () => {
    const log = new FakeLog();
    const tail = new ChangeTail({ readChanges: log.read, clock: new FakeClock() });
    const watches = Array.from({ length: 20 }, () => follow(tail, 'Toy', 0n));
    await settle();
    log.reads = 0;
    log.add('Toy', 3);
    tail.poke();
    await settle();
    expect(log.reads).toBe(1);
    for (const { told } of watches) expect(told).toEqual([1n, 2n, 3n]);
  });

  it('hands out what this process committed without reading it', async () => {
    const log = new FakeLog();
    const tail = new ChangeTail({ readChanges: log.read, clock: new FakeClock() });
    const watch = follow(tail, 'Toy', 0n);
    await settle();
    log.reads = 0;
    tail.offer(log.add('Toy', 2));
    await settle();
    expect(watch.told).toEqual([1n, 2n]);
    expect(log.reads).toBe(0);
  });

  it('reads what somebody else committed before what it is offered', async () => {
    const log = new FakeLog();
    const tail = new ChangeTail({ readChanges: log.read, clock: new FakeClock() });
    const watch = follow(tail, 'Toy', 0n);
    await settle();
    log.add('Toy');
    tail.offer(log.add('Toy'));
    await settle();
    expect(watch.told).toEqual([1n, 2n]);
  });

  it('reads on the news of a commit that it has not seen, and only then', async () => {
    const log = new FakeLog();
    const clock = new FakeClock();
    const tail = new ChangeTail({ readChanges: log.read, clock });
    const watch = follow(tail, 'Toy', 0n);
    await settle();
    tail.offer(log.add('Toy'));
    log.reads = 0;
    tail.heardOf('1');
    await clock.advance(100);
    await settle();
    expect(log.reads).toBe(0);
    log.add('Toy');
    tail.heardOf('2');
    await clock.advance(100);
    await settle();
    expect(watch.told).toEqual([1n, 2n]);
  });

  it('does nothing while nobody watches', async () => {
    const log = new FakeLog();
    const clock = new FakeClock();
    const tail = new ChangeTail({ readChanges: log.read, clock, pollMs: 1_000 });
    const watch = follow(tail, 'Toy', 0n);
    await settle();
    watch.stop();
    await watch.ended;
    log.reads = 0;
    tail.poke();
    await clock.advance(60_000);
    expect(log.reads).toBe(0);
    expect(clock.nextTimerMs).toBeUndefined();
  });

  it('finds changes that nobody poked it for', async () => {
    const log = new FakeLog();
    const clock = new FakeClock();
    const tail = new ChangeTail({ readChanges: log.read, clock, pollMs: 1_000 });
    const watch = follow(tail, 'Toy', 0n);
    await settle();
    log.add('Toy');
    await clock.advance(1_500);
    await settle();
    expect(watch.told).toEqual([1n]);
  });

  it('loses nothing and repeats nothing when watches of all ages join while changes come and reads are slow', async () => {
    const log = new FakeLog();
    log.delay = () => pause(Math.random() * 4);
    const tail = new ChangeTail({ readChanges: log.read, clock: new FakeClock() });
    log.add('Toy', 50);
    const watches: { since: number; watch: ReturnType<typeof follow> }[] = [];
    for (let round = 0; round < 60; round += 1) {
      const since = Math.floor(Math.random() * (log.changes.length + 1));
      watches.push({ since, watch: follow(tail, 'Toy', BigInt(since)) });
      // Sometimes all leave, so that the tail stands still and begins anew.
      if (round === 20 || round === 40) for (const { watch } of watches.splice(0)) watch.stop();
      const committed = log.add('Toy', Math.ceil(Math.random() * 5));
      // What this process commits is offered; of what others do the news comes, early or late.
      if (Math.random() < 0.5) tail.offer(committed);
      else if (Math.random() < 0.8) tail.poke();
      await pause(Math.random() * 3);
    }
    log.delay = async () => undefined;
    await pause(50);
    tail.poke();
    await pause(20);
    for (const { since, watch } of watches) expect(watch.told).toEqual(range(since + 1, log.changes.length));
  });

  it('reads once more for a watch that caught up to less than where the tail began', async () => {
    const log = new FakeLog();
    const tail = new ChangeTail({ readChanges: log.read, clock: new FakeClock() });
    const slow = Promise.withResolvers<void>();
    log.delay = () => slow.promise;
    log.add('Toy', 2);
    const first = follow(tail, 'Toy', 0n);
    await settle();
    // The first has read up to 2 but not got it yet; the second reads up to 4, and the tail begins there.
    log.delay = async () => undefined;
    log.add('Toy', 2);
    const second = follow(tail, 'Toy', 0n);
    await settle();
    slow.resolve();
    await settle();
    expect([first.told, second.told]).toEqual([range(1, 4), range(1, 4)]);
  });

  it('stands still while reading fails, says so once, and goes on without a gap', async () => {
    const log = new FakeLog();
    const clock = new FakeClock();
    const said: string[] = [];
    const note = (_: unknown, message?: string) => said.push(message ?? String(_));
    const tail = new ChangeTail({ readChanges: log.read, clock, pollMs: 1_000, log: { warn: note, info: note } });
    const watch = follow(tail, 'Toy', 0n);
    await settle();
    log.failure = new Fault('Unavailable', 'away');
    log.add('Toy', 2);
    for (let n = 0; n < 5; n += 1) await clock.advance(1_500);
    expect(said).toHaveLength(1);
    log.failure = undefined;
    await clock.advance(1_500);
    await settle();
    expect(watch.told).toEqual([1n, 2n]);
    expect(said).toHaveLength(2);
  });

  it('tells a watch that cannot begin why', async () => {
    const log = new FakeLog();
    log.failure = new Fault('Unavailable', 'away');
    const tail = new ChangeTail({ readChanges: log.read, clock: new FakeClock() });
    await expect(follow(tail, 'Toy', 0n).ended).rejects.toThrow('away');
  });

  it('tells every watch that it expired when the tail itself fell behind what is remembered', async () => {
    const log = new FakeLog();
    const tail = new ChangeTail({ readChanges: log.read, clock: new FakeClock() });
    const watches = [follow(tail, 'Toy', 0n), follow(tail, 'Other', 0n)];
    await settle();
    log.add('Toy', 10);
    log.compacted = 5n;
    tail.poke();
    for (const { ended } of watches) await expect(ended).rejects.toMatchObject({ code: 'Expired' });
    const fresh = follow(tail, 'Toy', 5n);
    await settle();
    expect(fresh.told).toEqual(range(6, 10));
  });

  it('says now and then how far a quiet watch is', async () => {
    const log = new FakeLog();
    const clock = new FakeClock();
    const tail = new ChangeTail({ readChanges: log.read, clock });
    const watch = follow(tail, 'Quiet', 0n);
    await settle();
    expect(watch.reached).toEqual([0n]);
    log.add('Toy', 7);
    tail.poke();
    await settle();
    await clock.advance(5_000);
    await settle();
    expect(watch.reached).toEqual([0n, 7n]);
    await clock.advance(60_000);
    await settle();
    expect(watch.reached).toEqual([0n, 7n]);
  });
});
