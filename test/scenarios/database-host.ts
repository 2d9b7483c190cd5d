import type { DatabaseAnswer, DatabaseRefusal, DatabaseTarget } from '../../reconcilers/providers/database/client.ts';

interface HostedGuest {
  name: string;
  vmid: number;
  address: string;
  /** What it was started with; undefined while it does not run. */
  digest: string | undefined;
  volume: string | undefined;
  /** What its server calls itself. */
  version: string;
}

/** Guests with addresses and disks with what a database wrote on them first. Two servers on one disk are what must not be. */
export class DatabaseHost {
  readonly guests = new Map<string, HostedGuest>();
  /** By volume: the password that the data were set up with. */
  readonly disks = new Map<string, string>();
  /** By backup: the password that its data were set up with. */
  readonly archives = new Map<string, string>();
  /** Starts, of all guests together. */
  starts = 0;
  #vmid = 100;

  async make(uid: string, name: string, wish: string | undefined): Promise<void> {
    if (this.guests.has(uid)) return;
    const taken = new Set([...this.guests.values()].map(({ address }) => address));
    let host = 50 + this.#vmid - 100;
    while (taken.has(`10.0.0.${host}`)) host += 1;
    const address = wish !== undefined && !taken.has(wish) ? wish : `10.0.0.${host}`;
    this.#vmid += 1;
    this.guests.set(uid, { name, vmid: this.#vmid, address, digest: undefined, volume: undefined, version: '' });
  }

  async addDisk(volume: string): Promise<void> {
    if (!this.disks.has(volume)) this.disks.set(volume, '');
  }

  async restoreDisk(volume: string, content: string): Promise<void> {
    if (!this.disks.has(volume)) this.disks.set(volume, content);
  }

  async start(
    uid: string,
    { volume, env, digest, version }: { volume: string; env: readonly string[]; digest: string; version: string },
  ): Promise<void> {
    const guest = this.guests.get(uid);
    if (!guest) return;
    if (this.running().some((other) => other !== guest && other.volume === volume))
      throw new Error(`Two servers on the disk ${volume}.`);
    const password = env.find((entry) => /PASSWORD=/.test(entry))?.split('=')[1] ?? '';
    // As the images do it: what is set up already stays as it was set up.
    if (this.disks.get(volume) === '') this.disks.set(volume, password);
    this.starts += 1;
    this.guests.set(uid, { ...guest, digest, volume, version });
  }

  async stop(uid: string): Promise<void> {
    const guest = this.guests.get(uid);
    if (guest) this.guests.set(uid, { ...guest, digest: undefined });
  }

  async destroy(uid: string): Promise<void> {
    this.guests.delete(uid);
  }

  running(): HostedGuest[] {
    return [...this.guests.values()].filter(({ digest }) => digest !== undefined);
  }

  /** What the database behind a target answers. */
  answer({ host, password }: DatabaseTarget): Omit<DatabaseAnswer, 'ok'> | Omit<DatabaseRefusal, 'ok'> {
    const guest = this.running().find(({ address }) => address === host);
    if (!guest) return { denied: false, why: 'nothing listens there' };
    if (this.disks.get(guest.volume ?? '') !== password) return { denied: true, why: 'wrong password' };
    return { version: guest.version, connections: 1, dataBytes: 2 ** 20 };
  }
}
