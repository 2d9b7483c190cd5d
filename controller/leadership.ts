import type { Logger } from 'pino';
import type { Clock } from './clock.ts';
import { Fault } from './errors.ts';
import { sleep, within } from './sleep.ts';
import { CONTROLLER_LEASE, type LeaseStore } from './store/lease-store.ts';

export interface LeaseTiming {
  /** How long others wait for a leader that was not heard of. */
  durationMs: number;
  renewEveryMs: number;
}

interface LeadershipOptions {
  leaseStore: LeaseStore;
  /** Of this process and no other, also not of the one before it. */
  identity: string;
  clock: Clock;
  log: Logger;
  timing: LeaseTiming;
  /** Told when this process begins and ends to lead. */
  onChange?: (leads: boolean) => void;
}

interface Term {
  readonly epoch: bigint;
  readonly lost: AbortController;
  /** Until when nobody else can have taken over, on both clocks; counted from before the store was asked. */
  until: { monotonicMs: number; wallMs: number };
  cancelExpiry: () => void;
}

/** The share of the lease that is not used, so that a call begun at its end is over before another leader can begin. */
const UNUSED_SHARE = 0.2;

/**
 * Whether this process leads. Judged from its own clocks at the moment of asking, so that a process which was stopped and
 * wakes knows that its time is over before it does anything else: the monotonic clock counts what a stop signal takes, the
 * wall clock also what a suspended machine takes.
 */
export class Leadership {
  readonly #options: LeadershipOptions;
  #term: Term | undefined;
  #standsBehind: string | undefined;

  constructor(options: LeadershipOptions) {
    this.#options = options;
  }

  isLeader(): boolean {
    const term = this.#term;
    if (!term) return false;
    const { clock } = this.#options;
    const isOver = clock.monotonicMs() >= term.until.monotonicMs || clock.now().getTime() >= term.until.wallMs;
    if (isOver) this.#lose(term, 'The lease ran out before it could be renewed.');
    return !isOver;
  }

  /** Throws Fenced unless this process leads. */
  guard(): void {
    this.fence();
  }

  /** The token that each write of a loop carries. Throws Fenced unless this process leads. */
  fence(): bigint {
    if (this.isLeader() && this.#term) return this.#term.epoch;
    throw new Fault('Fenced', 'This process does not lead; it changes nothing.');
  }

  /**
   * Stands for election until `signal` aborts, and calls `lead` for each time that it is won. `lead` ends its work when
   * `lost` aborts, or on its own account; then the lease is given back, so that others need not wait.
   */
  async run(signal: AbortSignal, lead: (lost: AbortSignal) => Promise<void>): Promise<void> {
    const { clock, log, timing } = this.#options;
    while (!signal.aborted) {
      const term = await this.#acquire();
      if (term) {
        log.info({ epoch: String(term.epoch) }, 'This process leads.');
        const ended = new AbortController();
        void this.#renew(term, ended.signal);
        await lead(term.lost.signal).catch((error: unknown) => {
          log.error({ err: error }, 'A bug: leading failed; the lease is given back and stood for again.');
        });
        ended.abort();
        await this.#release(term);
      }
      await sleep(clock, timing.renewEveryMs / 5, signal);
    }
  }

  async #acquire(): Promise<Term | undefined> {
    const { clock, leaseStore, identity, log, timing, onChange } = this.#options;
    const until = this.#validity();
    let answer: Awaited<ReturnType<LeaseStore['acquire']>> | undefined;
    const asking = leaseStore.acquire(CONTROLLER_LEASE, identity, timing.durationMs).then(
      (answered) => (answer = answered),
      (error: unknown) => log.warn({ err: error }, 'The store does not answer who leads; asking again.'),
    );
    // What is answered later than the lease lasts is worth nothing.
    await within(clock, timing.durationMs, asking);
    if (!answer) return undefined;
    if ('heldBy' in answer) {
      if (answer.heldBy !== this.#standsBehind)
        log.info({ leader: answer.heldBy }, 'Standing by: another process leads.');
      this.#standsBehind = answer.heldBy;
      return undefined;
    }
    this.#standsBehind = undefined;
    const term: Term = { epoch: answer.epoch, lost: new AbortController(), until, cancelExpiry: () => undefined };
    this.#term = term;
    this.#watchExpiry(term);
    onChange?.(true);
    return term;
  }

  async #renew(term: Term, ended: AbortSignal): Promise<void> {
    const { leaseStore, identity, clock, log, timing } = this.#options;
    const over = AbortSignal.any([ended, term.lost.signal]);
    let pauseMs = timing.renewEveryMs;
    for (;;) {
      await sleep(clock, pauseMs, over);
      if (over.aborted || !this.isLeader()) return;
      const until = this.#validity();
      const isOurs = await leaseStore
        .renew(CONTROLLER_LEASE, identity, term.epoch, timing.durationMs)
        .catch((error: unknown) =>
          log.warn({ err: error }, 'The lease could not be renewed; trying again while it lasts.'),
        );
      if (over.aborted) return;
      if (isOurs === false) return this.#lose(term, 'Another process took over the lease.');
      pauseMs = isOurs ? timing.renewEveryMs : timing.renewEveryMs / 5;
      if (isOurs) {
        term.until = until;
        this.#watchExpiry(term);
      }
    }
  }

  /** Counted from now: to be taken before the store is asked. */
  #validity(): Term['until'] {
    const { clock, timing } = this.#options;
    const usableMs = timing.durationMs * (1 - UNUSED_SHARE);
    return { monotonicMs: clock.monotonicMs() + usableMs, wallMs: clock.now().getTime() + usableMs };
  }

  #watchExpiry(term: Term): void {
    const { clock } = this.#options;
    term.cancelExpiry();
    term.cancelExpiry = clock.after(term.until.monotonicMs - clock.monotonicMs(), () => {
      // A timer may be a little early; then it is set again.
      if (this.isLeader() && this.#term === term) this.#watchExpiry(term);
    });
  }

  #lose(term: Term, why: string): void {
    if (this.#term !== term) return;
    this.#forget(term);
    this.#options.log.warn(`This process no longer leads. ${why} Passes under way are stopped.`);
    term.lost.abort(new Fault('Fenced', why));
  }

  async #release(term: Term): Promise<void> {
    if (this.#term !== term) return;
    this.#forget(term);
    const { leaseStore, identity, log } = this.#options;
    await leaseStore.release(CONTROLLER_LEASE, identity, term.epoch).catch((error: unknown) => {
      log.warn({ err: error }, 'The lease could not be given back; another process leads once it has run out.');
    });
  }

  #forget(term: Term): void {
    this.#term = undefined;
    term.cancelExpiry();
    this.#options.onChange?.(false);
  }
}
