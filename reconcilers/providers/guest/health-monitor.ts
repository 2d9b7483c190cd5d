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
  /** Checks at once: its port has just opened. */
  nudge(guestUid: string): void;
  close(): Promise<void>;
}
