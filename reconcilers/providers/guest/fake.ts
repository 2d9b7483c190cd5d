import type { GuestEndpoint, GuestHistory, GuestLinks, GuestLinkState } from './guest-links.ts';
import type { HealthCheckPlan, HealthMonitor, HealthState } from './health-monitor.ts';

export interface FakeGuestLinks extends GuestLinks {
  readonly endpoints: ReadonlyMap<string, GuestEndpoint>;
  /** The supervisor says something new. Nothing happens for a guest that is not ensured. */
  tell(guestUid: string, change: Partial<GuestLinkState>): void;
}

/** Links whose supervisors say what the test tells them to; a new link is not connected yet. */
export function createFakeGuestLinks(
  onState: (guestUid: string, state: GuestLinkState) => void = () => undefined,
): FakeGuestLinks {
  const endpoints = new Map<string, GuestEndpoint>();
  const states = new Map<string, GuestLinkState>();

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

    tell(guestUid, change) {
      const before = states.get(guestUid);
      if (!before) return;
      const state = { ...before, ...change };
      states.set(guestUid, state);
      onState(guestUid, state);
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
