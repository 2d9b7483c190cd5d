/** Where time comes from, so that tests can move it. */
export interface Clock {
  /** Wall clock, for people and deadlines that outlive the process. */
  now(): Date;
  /** Milliseconds that only ever grow, for leases and measuring. */
  monotonicMs(): number;
  /** Calls back once after `ms`; the answer takes it back. */
  after(ms: number, callback: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => new Date(),
  monotonicMs: () => performance.now(),
  after(ms, callback) {
    const timer = setTimeout(callback, Math.min(Math.max(ms, 0), 2_147_483_647));
    return () => clearTimeout(timer);
  },
};
