import { createFakeGuestRuns, fakeRead, fakeRun, type FakeAnswer, type FakeGuestRuns } from './fake-runs.ts';
import type { GuestEndpoint, GuestHistory, GuestLinks, GuestLinkState, GuestUsage } from './guest-links.ts';
import type { GuestRunRequest } from './guest-run.ts';
import type { HealthCheckPlan, HealthMonitor, HealthState } from './health-monitor.ts';

export interface FakeGuestLinks extends GuestLinks {
  readonly endpoints: ReadonlyMap<string, GuestEndpoint>;
  /** The supervisor says something new. Nothing happens for a guest that is not ensured. */
  tell(guestUid: string, change: Partial<GuestLinkState>): void;
  /** What its guests have used, by uid, which the test says. */
  readonly usages: Map<string, GuestUsage>;
  /** What its guests can run, which the test says, and have run. */
  readonly runs: FakeGuestRuns;
}

/** Links whose supervisors say what the test tells them to; a new link is not connected yet. */
export function createFakeGuestLinks(
  onState: (guestUid: string, state: GuestLinkState) => void = () => undefined,
  runs = createFakeGuestRuns(),
): FakeGuestLinks {
  const endpoints = new Map<string, GuestEndpoint>();
  const states = new Map<string, GuestLinkState>();
  const usages = new Map<string, GuestUsage>();

  function ask(guestUid: string, request: GuestRunRequest, input?: Buffer): { answer: FakeAnswer; isNew: boolean } {
    if (states.get(guestUid)?.connected === true) return runs.ask(guestUid, request, input);
    return { answer: { state: 'unreachable', message: 'there is no connection to the supervisor' }, isNew: false };
  }

  function tell(guestUid: string, change: Partial<GuestLinkState>): void {
    const before = states.get(guestUid);
    if (!before) return;
    const state = { ...before, ...change };
    states.set(guestUid, state);
    onState(guestUid, state);
  }

  function begin({ restarts, lastExit }: GuestHistory = { restarts: 0 }): GuestLinkState {
    return { connected: false, process: 'unknown', listening: false, restarts, ...(lastExit && { lastExit }) };
  }

  return {
    endpoints,

    ensure(guestUid, endpoint, history) {
      const before = endpoints.get(guestUid);
      const same = before?.host === endpoint.host && before.port === endpoint.port && before.secret === endpoint.secret;
      endpoints.set(guestUid, endpoint);
      if (!same) states.set(guestUid, begin(states.get(guestUid) ?? history));
    },

    async drop(guestUid) {
      endpoints.delete(guestUid);
      states.delete(guestUid);
    },

    state: (guestUid) => states.get(guestUid),

    async close() {
      endpoints.clear();
      states.clear();
    },

    tell,
    usages,
    runs,

    async run(guestUid, request, signal) {
      signal.throwIfAborted();
      return fakeRun(ask(guestUid, request).answer);
    },

    async read(guestUid, request, signal) {
      signal.throwIfAborted();
      const { answer, isNew } = ask(guestUid, request);
      return fakeRead(answer, isNew);
    },

    async write(guestUid, request, source, signal) {
      const chunks: Uint8Array[] = [];
      for await (const chunk of source) chunks.push(chunk);
      signal.throwIfAborted();
      return fakeRun(ask(guestUid, request, Buffer.concat(chunks)).answer);
    },

    async release(guestUid, signal) {
      signal.throwIfAborted();
      const before = states.get(guestUid);
      if (before?.connected !== true) return false;
      if (before.process === 'held') tell(guestUid, { process: 'running' });
      return true;
    },

    async usage(guestUid, signal) {
      signal.throwIfAborted();
      return states.get(guestUid)?.connected === true ? usages.get(guestUid) : undefined;
    },
  };
}

export interface FakeHealthMonitor extends HealthMonitor {
  readonly checks: ReadonlyMap<string, { check: HealthCheckPlan; since: Date }>;
  readonly nudged: string[];
  /** A check ends so. Nothing happens for a guest that is not ensured. */
  tell(guestUid: string, state: HealthState): void;
}

/** A monitor that finds what the test tells it to; nothing is settled before that. */
export function createFakeHealthMonitor(onChange: (guestUid: string) => void = () => undefined): FakeHealthMonitor {
  const checks = new Map<string, { check: HealthCheckPlan; since: Date }>();
  const states = new Map<string, HealthState>();
  const nudged: string[] = [];

  return {
    checks,
    nudged,

    ensure(guestUid, check, since) {
      const same = JSON.stringify(checks.get(guestUid)) === JSON.stringify({ check, since });
      if (same) return;
      checks.set(guestUid, { check, since });
      states.set(guestUid, { healthy: undefined });
    },

    drop(guestUid) {
      checks.delete(guestUid);
      states.delete(guestUid);
    },

    state: (guestUid) => states.get(guestUid),
    nudge: (guestUid) => void nudged.push(guestUid),

    async close() {
      checks.clear();
      states.clear();
    },

    tell(guestUid, state) {
      if (!states.has(guestUid)) return;
      states.set(guestUid, state);
      onChange(guestUid);
    },
  };
}
