import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { FakeClock, settle } from '../test/harness/fake-clock.ts';
import { Fault } from './errors.ts';
import { Leadership } from './leadership.ts';
import { aborted } from './sleep.ts';
import { MemoryLeaseStore, type LeaseStore } from './store/lease-store.ts';

const timing = { durationMs: 15_000, renewEveryMs: 5_000 };
const log = pino({ level: 'silent' });

/** A process that stands for election; its own clock, so that it can be stopped while others go on. */
function candidate(identity: string, leaseStore: LeaseStore) {
  const clock = new FakeClock();
  const changes: boolean[] = [];
  const leadership = new Leadership({
    leaseStore,
    identity,
    clock,
    log,
    timing,
    onChange: (leads) => void changes.push(leads),
  });
  const stop = new AbortController();
  let terms = 0;
  const running = leadership.run(stop.signal, async (lost) => {
    terms += 1;
    await aborted(AbortSignal.any([lost, stop.signal]));
  });
  return {
    clock,
    leadership,
    changes,
    terms: () => terms,
    async stop() {
      stop.abort();
      await running;
    },
  };
}

function make() {
  const storeClock = new FakeClock();
  const leases = new MemoryLeaseStore(storeClock);
  let isAway = false;
  const leaseStore: LeaseStore = {
    acquire: (...args) => (isAway ? Promise.reject(new Fault('Unavailable', 'Away.')) : leases.acquire(...args)),
    renew: (...args) => (isAway ? Promise.reject(new Fault('Unavailable', 'Away.')) : leases.renew(...args)),
    release: (...args) => leases.release(...args),
  };
  return {
    leases,
    leaseStore,
    setAway: (away: boolean) => (isAway = away),
    /** Time goes by for the store and for these; whoever is not named is stopped. */
    async pass(ms: number, ...running: { clock: FakeClock }[]) {
      for (let gone = 0; gone < ms; gone += 500) {
        await storeClock.advance(500);
        for (const { clock } of running) await clock.advance(500);
      }
    },
  };
}

const codeOf = (act: () => unknown): unknown => {
  try {
    act();
  } catch (error) {
    return error instanceof Fault ? error.code : error;
  }
  return 'allowed';
};

describe('Leadership', () => {
  it('leads when nobody does, and goes on leading', async () => {
    const { leaseStore, pass } = make();
    const a = candidate('a', leaseStore);
    await pass(60_000, a);
    expect(a.leadership.isLeader()).toBe(true);
    expect(a.leadership.fence()).toBe(1n);
    expect(a.terms()).toBe(1);
    await a.stop();
  });

  it('stands by while somebody else leads', async () => {
    const { leaseStore, pass } = make();
    const a = candidate('a', leaseStore);
    await settle();
    const b = candidate('b', leaseStore);
    await pass(60_000, a, b);
    expect([a.leadership.isLeader(), b.leadership.isLeader()]).toEqual([true, false]);
    expect(codeOf(() => b.leadership.guard())).toBe('Fenced');
    await Promise.all([a.stop(), b.stop()]);
  });

  it('gives the lease back when it stops, so that the next need not wait for it to run out', async () => {
    const { leaseStore, pass } = make();
    const a = candidate('a', leaseStore);
    await settle();
    const b = candidate('b', leaseStore);
    await pass(1_000, a, b);
    await a.stop();
    await pass(1_500, b);
    expect(b.leadership.fence()).toBe(2n);
    expect(a.changes).toEqual([true, false]);
    await b.stop();
  });

  it('takes over when the leader is not heard of, but not before the lease has run out', async () => {
    const { leaseStore, pass } = make();
    const a = candidate('a', leaseStore);
    await settle();
    const b = candidate('b', leaseStore);
    await pass(2_000, a, b);
    await pass(12_000, b);
    expect(b.leadership.isLeader()).toBe(false);
    await pass(4_000, b);
    expect(b.leadership.isLeader()).toBe(true);
    await Promise.all([a.stop(), b.stop()]);
  });

  it('knows at once that its time is over when the process was stopped and wakes', async () => {
    const { leaseStore, pass } = make();
    const a = candidate('a', leaseStore);
    await settle();
    const b = candidate('b', leaseStore);
    await pass(2_000, a, b);
    await pass(20_000, b);
    expect(b.leadership.isLeader()).toBe(true);
    a.clock.pause(20_000);
    expect(codeOf(() => a.leadership.guard())).toBe('Fenced');
    expect(a.leadership.isLeader()).toBe(false);
    await pass(30_000, a, b);
    expect([a.leadership.isLeader(), b.leadership.isLeader()]).toEqual([false, true]);
    await Promise.all([a.stop(), b.stop()]);
  });

  it('never has two that lead at the same moment, whoever is stopped and for how long', async () => {
    const { leaseStore, pass } = make();
    const all = ['a', 'b', 'c'].map((identity) => candidate(identity, leaseStore));
    let random = 42;
    for (let round = 0; round < 60; round++) {
      random = (random * 1_103_515_245 + 12_345) % 2_147_483_648;
      const stopped = all[random % all.length];
      const forMs = 500 * (1 + ((random >> 8) % 40));
      await pass(forMs, ...all.filter((one) => one !== stopped));
      stopped?.clock.pause(forMs);
      expect(all.filter(({ leadership }) => leadership.isLeader()).length).toBeLessThanOrEqual(1);
    }
    await Promise.all(all.map((one) => one.stop()));
  });

  it('goes on leading while the store is away for less than the lease', async () => {
    const { leaseStore, pass, setAway } = make();
    const a = candidate('a', leaseStore);
    await pass(5_500, a);
    setAway(true);
    await pass(6_000, a);
    expect(a.leadership.isLeader()).toBe(true);
    setAway(false);
    await pass(20_000, a);
    expect(a.leadership.fence()).toBe(1n);
    await a.stop();
  });

  it('stops leading before the lease runs out when the store is away for longer, and leads again afterwards', async () => {
    const { leaseStore, pass, setAway } = make();
    const a = candidate('a', leaseStore);
    await pass(500, a);
    setAway(true);
    await pass(14_000, a);
    expect(a.changes).toEqual([true, false]);
    setAway(false);
    await pass(3_000, a);
    expect(a.leadership.fence()).toBe(2n);
    await a.stop();
  });

  it('stops leading as soon as it hears that somebody else took over', async () => {
    const { leases, leaseStore, pass } = make();
    const a = candidate('a', leaseStore);
    await pass(500, a);
    await leases.release('controller', 'a', 1n);
    await leases.acquire('controller', 'b', 60_000);
    await pass(5_500, a);
    expect(a.leadership.isLeader()).toBe(false);
    await a.stop();
  });

  it('asks again when the store takes longer to answer than the lease would last', async () => {
    const { leases } = make();
    let silent = 1;
    const leaseStore: LeaseStore = {
      acquire: (...args) => (silent-- > 0 ? new Promise(() => undefined) : leases.acquire(...args)),
      renew: (...args) => leases.renew(...args),
      release: (...args) => leases.release(...args),
    };
    const a = candidate('a', leaseStore);
    await a.clock.advance(14_000);
    expect(a.leadership.isLeader()).toBe(false);
    await a.clock.advance(3_000);
    expect(a.leadership.isLeader()).toBe(true);
    await a.stop();
  });

  it('gives the lease back when leading fails, and stands again', async () => {
    const { leaseStore } = make();
    const clock = new FakeClock();
    const leadership = new Leadership({ leaseStore, identity: 'a', clock, log, timing });
    const stop = new AbortController();
    let terms = 0;
    const running = leadership.run(stop.signal, async () => {
      terms += 1;
      throw new Error('broken');
    });
    await clock.advance(2_500);
    expect(terms).toBe(3);
    expect(leadership.isLeader()).toBe(false);
    stop.abort();
    await running;
  });
});
