import type { FakeClock } from '../harness/fake-clock.ts';

interface HostGuest {
  uid: string;
  name: string;
  running: boolean;
  startedAtMs: number;
}

/** What is outside in a rollout: guests, volumes, a proxy. It notes every moment that users would have suffered from. */
export class RolloutHost {
  readonly guests = new Map<string, HostGuest>();
  /** Uid of the guest that has each volume; none when it is parked. */
  readonly volumes = new Map<string, string | undefined>();
  /** Names of guests that take requests. */
  upstreams: readonly string[] = [];
  /** Runs of commands, by the uid of their Job. */
  readonly runs = new Map<string, string>();
  readonly harm: string[] = [];
  /** Time that a guest which left the proxy needs for the requests that it has. */
  drainMs = 10_000;
  readonly #clock: FakeClock;
  readonly #leftAtMs = new Map<string, number>();

  constructor(clock: FakeClock) {
    this.#clock = clock;
  }

  async make(uid: string, name: string): Promise<void> {
    if (this.guests.has(uid)) return;
    for (const other of this.guests.values()) if (other.name === name) this.harm.push(`${name} was made twice`);
    this.guests.set(uid, { uid, name, running: false, startedAtMs: 0 });
  }

  async start(uid: string, volumes: readonly string[]): Promise<void> {
    const guest = this.guests.get(uid);
    if (!guest || guest.running) return;
    for (const volume of volumes)
      if (this.volumes.get(volume) !== uid) this.harm.push(`${guest.name} was started without ${volume}`);
    guest.running = true;
    guest.startedAtMs = this.#clock.monotonicMs();
  }

  async stop(uid: string): Promise<void> {
    const guest = this.guests.get(uid);
    if (!guest?.running) return;
    const leftAtMs = this.#leftAtMs.get(guest.name);
    if (this.upstreams.includes(guest.name)) this.harm.push(`${guest.name} was stopped while it took requests`);
    else if (leftAtMs !== undefined && this.#clock.monotonicMs() - leftAtMs < this.drainMs)
      this.harm.push(`${guest.name} was stopped before it had finished its requests`);
    guest.running = false;
  }

  async destroy(uid: string): Promise<void> {
    for (const [volume, holder] of this.volumes)
      if (holder === uid) this.harm.push(`${this.guests.get(uid)?.name} was destroyed with ${volume}`);
    this.guests.delete(uid);
  }

  async moveVolume(volume: string, uid: string | undefined): Promise<void> {
    const holder = this.volumes.get(volume);
    for (const side of [holder, uid])
      if (side !== undefined && this.guests.get(side)?.running === true) this.harm.push(`${volume} was moved live`);
    this.volumes.set(volume, uid);
  }

  async route(names: readonly string[]): Promise<void> {
    for (const name of this.upstreams) if (!names.includes(name)) this.#leftAtMs.set(name, this.#clock.monotonicMs());
    for (const name of names) this.#leftAtMs.delete(name);
    this.upstreams = names;
    this.checkRequests();
  }

  /** Whoever takes requests has to run. */
  checkRequests(): void {
    const running = new Set([...this.guests.values()].filter((guest) => guest.running).map(({ name }) => name));
    for (const name of this.upstreams) if (!running.has(name)) this.harm.push(`requests go to ${name}, which is down`);
  }

  async runCommand(uid: string, job: string): Promise<void> {
    this.runs.set(uid, job);
  }

  ranMs(uid: string): number {
    const guest = this.guests.get(uid);
    return guest?.running === true ? this.#clock.monotonicMs() - guest.startedAtMs : 0;
  }

  running(): string[] {
    return [...this.guests.values()]
      .filter(({ running }) => running)
      .map(({ name }) => name)
      .toSorted();
  }
}
