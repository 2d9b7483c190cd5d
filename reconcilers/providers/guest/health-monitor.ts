import { isDeepStrictEqual } from 'node:util';
import PQueue from 'p-queue';
import type { Clock } from '../../../controller/clock.ts';
import { probeHttp, probeTcp, type ProbeResult } from './probe.ts';

/** Where a check asks: the guest's own address and nothing that it redirects to. */
export type HealthTarget =
  | { type: 'http'; host: string; port: number; path: string }
  | { type: 'tcp'; host: string; port: number };

export interface HealthCheckPlan {
  target: HealthTarget;
  intervalMs: number;
  timeoutMs: number;
  /** For so long after `since` a guest that was never healthy is not called unhealthy. */
  startPeriodMs: number;
  /** So many failures in a row make it unhealthy. */
  failureThreshold: number;
}

export interface HealthState {
  /** Undefined while nothing is settled yet. */
  healthy: boolean | undefined;
  /** What the last failed check met, for people. */
  why?: string;
}

/** Checks guests over and over, a bounded number at once. */
export interface HealthMonitor {
  /** `since` is when the guest was started: another one begins anew, the same with the same check changes nothing. */
  ensure(guestUid: string, check: HealthCheckPlan, since: Date): void;
  drop(guestUid: string): void;
  /** Undefined for a guest that is not ensured. */
  state(guestUid: string): HealthState | undefined;
  /** Checks a guest that is not healthy at once: its port has just opened. */
  nudge(guestUid: string): void;
  close(): Promise<void>;
}

type Probe = (target: HealthTarget, timeoutMs: number, signal: AbortSignal) => Promise<ProbeResult>;

interface HealthMonitorOptions {
  clock: Clock;
  onChange: (guestUid: string) => void;
  /** Checks under way at once. */
  concurrency?: number;
  probe?: Probe;
  /** 0 to 1, for spreading checks. */
  random?: () => number;
}

interface Watched {
  check: HealthCheckPlan;
  since: Date;
  state: HealthState;
  /** Failures in a row that count: after the start period, and no more than one for each interval. */
  failures: number;
  countedAtMs: number;
  everHealthy: boolean;
  nextDelayMs: number;
  checking: boolean;
  nudged: boolean;
  cancelTimer: () => void;
  /** Ends a check under way. */
  stop: AbortController;
}

const firstDelayMs = 50;
const growth = 1.5;

/**
 * Starts with quick checks that grow to the interval until the guest is healthy for the first time. From then on the checks of
 * all guests are spread over their intervals.
 */
export function createHealthMonitor(options: HealthMonitorOptions): HealthMonitor {
  const { clock, onChange, concurrency = 256, probe = probeTarget, random = Math.random } = options;
  const guests = new Map<string, Watched>();
  const queue = new PQueue({ concurrency });

  function schedule(uid: string, watched: Watched, delayMs: number): void {
    watched.cancelTimer();
    // Those that do not answer take their time; they shall not hold up those that do.
    const priority = watched.state.healthy === true && watched.failures === 0 ? 1 : 0;
    watched.cancelTimer = clock.after(delayMs, () => void queue.add(() => run(uid, watched), { priority }));
  }

  async function run(uid: string, watched: Watched): Promise<void> {
    if (watched.stop.signal.aborted || watched.checking) return;
    watched.checking = true;
    watched.nudged = false;
    const { target, timeoutMs, intervalMs } = watched.check;
    const result = await probe(target, timeoutMs, watched.stop.signal);
    watched.checking = false;
    if (watched.stop.signal.aborted) return;
    const isFirstSuccess = result.ok && !watched.everHealthy;
    note(uid, watched, result);
    const delayMs = watched.everHealthy ? intervalMs : watched.nextDelayMs;
    watched.nextDelayMs = Math.min(intervalMs, watched.nextDelayMs * growth);
    if (watched.nudged && !result.ok) schedule(uid, watched, 0);
    // Guests that were found at the same moment, as after a start of the controller, take turns from then on.
    else schedule(uid, watched, delayMs * (isFirstSuccess ? random() : 0.9 + random() / 5));
  }

  function note(uid: string, watched: Watched, result: ProbeResult): void {
    const before = watched.state;
    if (result.ok) {
      watched.failures = 0;
      watched.everHealthy = true;
      watched.state = { healthy: true };
    } else {
      countFailure(watched);
      const failed = watched.failures >= watched.check.failureThreshold;
      watched.state = { healthy: failed ? false : before.healthy, why: result.why };
    }
    if (before.healthy !== watched.state.healthy || before.why !== watched.state.why) onChange(uid);
  }

  function countFailure(watched: Watched): void {
    const { check, since, everHealthy } = watched;
    const nowMs = clock.now().getTime();
    if (!everHealthy && nowMs < since.getTime() + check.startPeriodMs) return;
    if (!everHealthy && nowMs - watched.countedAtMs < check.intervalMs) return;
    watched.failures += 1;
    watched.countedAtMs = nowMs;
  }

  function drop(uid: string): void {
    const watched = guests.get(uid);
    guests.delete(uid);
    watched?.cancelTimer();
    watched?.stop.abort();
  }

  return {
    ensure(uid, check, since) {
      const before = guests.get(uid);
      if (before && isDeepStrictEqual([before.check, before.since], [check, since])) return;
      drop(uid);
      const watched: Watched = {
        check,
        since,
        state: { healthy: undefined },
        failures: 0,
        countedAtMs: -Infinity,
        everHealthy: false,
        nextDelayMs: Math.min(firstDelayMs, check.intervalMs),
        checking: false,
        nudged: false,
        cancelTimer: () => undefined,
        stop: new AbortController(),
      };
      guests.set(uid, watched);
      schedule(uid, watched, 0);
    },

    drop,
    state: (uid) => guests.get(uid)?.state,

    nudge(uid) {
      const watched = guests.get(uid);
      if (!watched || watched.state.healthy === true) return;
      watched.nudged = true;
      watched.nextDelayMs = Math.min(firstDelayMs, watched.check.intervalMs);
      if (!watched.checking) schedule(uid, watched, 0);
    },

    async close() {
      for (const uid of guests.keys()) drop(uid);
      await queue.onIdle();
    },
  };
}

function probeTarget(target: HealthTarget, timeoutMs: number, signal: AbortSignal): Promise<ProbeResult> {
  switch (target.type) {
    case 'http':
      return probeHttp(target.host, target.port, target.path, timeoutMs, signal);
    case 'tcp':
      return probeTcp(target.host, target.port, timeoutMs, signal);
    default:
      return target satisfies never;
  }
}
