/** Between two close looks at settled guests of one cluster. */
const EVERY_MS = 10_000;

/**
 * Gives out close looks at guests about which nothing is open: a few in turn, so that what the cluster list does not show (an
 * environment changed by hand) is found in time, and the calls do not grow with the number of guests.
 */
export class AuditTurns {
  readonly #last = new Map<string, number>();

  /** True when the cluster's next look is due; it is then taken. */
  take(cluster: string, now: Date): boolean {
    const nowMs = now.getTime();
    if (nowMs - (this.#last.get(cluster) ?? 0) < EVERY_MS) return false;
    this.#last.set(cluster, nowMs);
    return true;
  }
}
