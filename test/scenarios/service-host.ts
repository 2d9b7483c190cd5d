import type { FakeClock } from '../harness/fake-clock.ts';

interface HostGuest {
  uid: string;
  name: string;
  address: string;
  startedAtMs: number | undefined;
  /** The environment that it was started with last. */
  env: readonly string[];
  starts: number;
}

/** What is outside for a service's loops in short: guests with addresses, which remember what they were started with. */
export class ServiceHost {
  readonly guests = new Map<string, HostGuest>();
  /** Names of guests in the order in which they were first started, over the whole life of the world. */
  readonly started: string[] = [];
  readonly #clock: FakeClock;

  constructor(clock: FakeClock) {
    this.#clock = clock;
  }

  /** The lowest free address, so that addresses are used again at once. */
  async make(uid: string, name: string): Promise<void> {
    if (this.guests.has(uid)) return;
    const taken = new Set([...this.guests.values()].map(({ address }) => address));
    let host = 50;
    while (taken.has(`10.0.0.${host}`)) host += 1;
    this.guests.set(uid, { uid, name, address: `10.0.0.${host}`, startedAtMs: undefined, env: [], starts: 0 });
  }

  async start(uid: string, env: readonly string[]): Promise<void> {
    const guest = this.guests.get(uid);
    if (!guest) return;
    if (guest.starts === 0) this.started.push(guest.name);
    this.guests.set(uid, { ...guest, env, startedAtMs: this.#clock.monotonicMs(), starts: guest.starts + 1 });
  }

  async destroy(uid: string): Promise<void> {
    this.guests.delete(uid);
  }

  ranMs(uid: string): number {
    const startedAtMs = this.guests.get(uid)?.startedAtMs;
    return startedAtMs === undefined ? 0 : this.#clock.monotonicMs() - startedAtMs;
  }

  /** The guests whose names begin so, and run. */
  running(prefix: string): HostGuest[] {
    return [...this.guests.values()].filter(
      ({ name, startedAtMs }) => name.startsWith(prefix) && startedAtMs !== undefined,
    );
  }
}
