import { foldAddress } from '../../controller/access/fold-address.ts';
import type { Clock } from '../../controller/clock.ts';
import { Refused } from '../status.ts';
import { networkOf } from './client-address.ts';
import { FailureLimit } from './failure-limit.ts';

const MOST_TRUSTED = 10_000;

/**
 * How often somebody may try: by account, wherever the tries come from, and by network, whatever account they are for. A try
 * counts as failed until it is taken back, so that many at once are no way around it.
 */
export class LoginLimits {
  readonly #accounts: FailureLimit;
  readonly #networks: FailureLimit;
  readonly #registrations: FailureLimit;
  /** Account and network of logins that worked, which count apart: strangers who guess must not lock out whom they guess at. */
  readonly #trusted = new Set<string>();

  constructor(clock: Pick<Clock, 'monotonicMs'>) {
    this.#accounts = new FailureLimit(clock, { burst: 10, refillMs: 30_000 });
    this.#networks = new FailureLimit(clock, { burst: 30, refillMs: 3_000 });
    this.#registrations = new FailureLimit(clock, { burst: 60, refillMs: 5_000 });
  }

  /** Counts a try, and answers what takes it back once it worked. Throws 429, whether or not there is such an account. */
  login(email: string, address: string): () => void {
    const account = foldAddress(email);
    const network = networkOf(address);
    const pair = JSON.stringify([account, network]);
    const counted = this.#trusted.has(pair) ? pair : account;
    refuse('logins', Math.max(this.#accounts.waitMs(counted), this.#networks.waitMs(network)));
    this.#accounts.failed(counted);
    this.#networks.failed(network);
    return () => {
      this.#accounts.forgive(counted);
      this.#networks.forgive(network);
      if (this.#trusted.size >= MOST_TRUSTED) this.#trusted.clear();
      this.#trusted.add(pair);
    };
  }

  /** Counts a registration. Throws 429. */
  registration(address: string): void {
    const network = networkOf(address);
    refuse('registrations', this.#registrations.waitMs(network));
    this.#registrations.failed(network);
  }
}

function refuse(what: string, waitMs: number): void {
  if (waitMs === 0) return;
  const seconds = Math.ceil(waitMs / 1000);
  throw new Refused('TooManyRequests', `There were too many ${what}. Try again in ${seconds} s.`, {
    retryAfterSeconds: seconds,
  });
}
