import { beforeEach, describe, expect, it } from 'vitest';
import { FakeClock } from '../../../test/harness/fake-clock.ts';
import { createHealthMonitor, type HealthCheckPlan, type HealthMonitor } from './health-monitor.ts';
import type { ProbeResult } from './probe.ts';

const check: HealthCheckPlan = {
  target: { type: 'tcp', host: '10.0.0.5', port: 80 },
  intervalMs: 5_000,
  timeoutMs: 2_000,
  startPeriodMs: 30_000,
  failureThreshold: 3,
};
const up: ProbeResult = { ok: true };
const down: ProbeResult = { ok: false, why: 'nothing listens there' };

let clock: FakeClock;
let answer: ProbeResult;
let asked: number[];
let changes: number;
let monitor: HealthMonitor;
let since: Date;

beforeEach(() => {
  clock = new FakeClock();
  since = clock.now();
  answer = down;
  asked = [];
  changes = 0;
  monitor = createHealthMonitor({
    clock,
    onChange: () => (changes += 1),
    probe: async () => {
      asked.push(clock.monotonicMs());
      return answer;
    },
    random: () => 0.5,
  });
});

const healthy = () => monitor.state('g')?.healthy;

describe('createHealthMonitor', () => {
  it('finds a guest healthy soon after it is', async () => {
    monitor.ensure('g', check, since);
    await clock.advance(400);
    expect(healthy()).toBeUndefined();
    answer = up;
    await clock.advance(400);
    expect(monitor.state('g')).toEqual({ healthy: true });
  });

  it('asks quickly at first and ever more slowly, up to the interval', async () => {
    monitor.ensure('g', check, since);
    await clock.advance(1_000);
    const early = asked.length;
    expect(early).toBeGreaterThan(4);
    await clock.advance(60_000);
    expect(asked.length - early).toBeLessThan(20);
  });

  it('asks once an interval when the guest is healthy', async () => {
    answer = up;
    monitor.ensure('g', check, since);
    await clock.advance(50_100);
    expect(asked.length).toBe(11);
    expect(changes).toBe(1);
  });

  it('calls no guest unhealthy in its start period, however often it fails', async () => {
    monitor.ensure('g', check, since);
    await clock.advance(30_000);
    expect(monitor.state('g')).toEqual({ healthy: undefined, why: 'nothing listens there' });
    await clock.advance(3 * 5_000 + 1_000);
    expect(monitor.state('g')).toEqual({ healthy: false, why: 'nothing listens there' });
  });

  it('gives a guest without a start period as many intervals as failures are allowed', async () => {
    monitor.ensure('g', { ...check, startPeriodMs: 0 }, since);
    await clock.advance(4_000);
    expect(healthy()).toBeUndefined();
    await clock.advance(16_000);
    expect(healthy()).toBe(false);
  });

  it('calls a healthy guest unhealthy after so many failures in a row, and healthy after one success', async () => {
    answer = up;
    monitor.ensure('g', check, since);
    await clock.advance(100);
    answer = down;
    await clock.advance(10_000);
    expect(healthy()).toBe(true);
    answer = up;
    await clock.advance(5_000);
    answer = down;
    await clock.advance(11_000);
    expect(healthy()).toBe(true);
    await clock.advance(2_000);
    expect(healthy()).toBe(false);
    answer = up;
    await clock.advance(5_000);
    expect(monitor.state('g')).toEqual({ healthy: true });
  });

  it('checks at once when it is nudged', async () => {
    monitor.ensure('g', check, since);
    await clock.advance(60_000);
    answer = up;
    monitor.nudge('g');
    await clock.advance(1);
    expect(healthy()).toBe(true);
    const count = asked.length;
    monitor.nudge('g');
    monitor.nudge('nobody');
    await clock.advance(1);
    expect(asked.length).toBe(count);
  });

  it('begins anew for a guest that was started again, and changes nothing for the same', async () => {
    answer = up;
    monitor.ensure('g', check, since);
    await clock.advance(100);
    monitor.ensure('g', { ...check }, new Date(since));
    expect(healthy()).toBe(true);
    monitor.ensure('g', check, clock.now());
    expect(healthy()).toBeUndefined();
  });

  it('forgets a guest that is dropped, also in the middle of a check', async () => {
    const answered = Promise.withResolvers<ProbeResult>();
    const slow = createHealthMonitor({ clock, onChange: () => (changes += 1), probe: () => answered.promise });
    slow.ensure('g', check, since);
    await clock.advance(10);
    slow.drop('g');
    answered.resolve(up);
    await clock.advance(10_000);
    expect(slow.state('g')).toBeUndefined();
    expect(changes).toBe(0);
    expect(clock.nextTimerMs).toBeUndefined();
  });

  it('spreads the checks of guests that it found at the same moment over the interval', async () => {
    const perSecond = [0, 0, 0, 0, 0];
    let lot = 0;
    const many = createHealthMonitor({
      clock,
      onChange: () => undefined,
      probe: async () => {
        const second = Math.floor(clock.monotonicMs() / 1_000);
        if (second >= 20 && second < 25) perSecond[second - 20] = (perSecond[second - 20] ?? 0) + 1;
        return up;
      },
      // Evenly, and not in the order of the guests.
      random: () => ((lot += 617) % 1_000) / 1_000,
    });
    for (let guest = 0; guest < 1_000; guest += 1) many.ensure(`g${guest}`, check, since);
    await clock.advance(25_000);
    await many.close();
    expect(perSecond.reduce((sum, count) => sum + count, 0)).toBeGreaterThan(900);
    expect(Math.max(...perSecond)).toBeLessThan(300);
  });

  it('checks guests that answer before those that do not', async () => {
    const order: string[] = [];
    const asking = createHealthMonitor({
      clock,
      concurrency: 1,
      onChange: () => undefined,
      probe: async (target) => {
        order.push(target.host);
        return target.host === 'up' ? up : down;
      },
      random: () => 0,
    });
    const checkOf = (host: string) => ({
      ...check,
      startPeriodMs: 0,
      target: { type: 'tcp' as const, host, port: 80 },
    });
    for (let guest = 0; guest < 20; guest += 1) asking.ensure(`d${guest}`, checkOf('down'), since);
    asking.ensure('u', checkOf('up'), since);
    await clock.advance(1);
    expect(order).toHaveLength(22);
    order.length = 0;
    await clock.advance(60_000);
    await asking.close();
    expect(order.filter((host) => host === 'up').length).toBeGreaterThan(12);
  });

  it('has no more checks under way than it may', async () => {
    let running = 0;
    let most = 0;
    const bounded = createHealthMonitor({
      clock,
      concurrency: 4,
      onChange: () => undefined,
      probe: async () => {
        most = Math.max(most, (running += 1));
        await new Promise((resolve) => setTimeout(resolve, 1));
        running -= 1;
        return up;
      },
    });
    for (let guest = 0; guest < 50; guest += 1) bounded.ensure(`g${guest}`, check, since);
    await clock.advance(1);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(most).toBe(4);
    await bounded.close();
  });
});
