import { guestStatus, type GuestStatus } from '../guests/guest-status.ts';
import type { Cluster } from './cluster.ts';

/**
 * What the nodes last told each other about their guests: up to a tick old, as in Proxmox, where every node's statistics
 * daemon writes it every ten seconds.
 */
export class ClusterStats {
  readonly #cluster: Cluster;
  #guests = new Map<number, GuestStatus>();
  #timer: NodeJS.Timeout | undefined;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  /** Undefined for a guest that no statistics came from yet, or none any more. */
  guest(vmid: number): GuestStatus | undefined {
    return this.#guests.get(vmid);
  }

  start(): void {
    const { statsTickMs } = this.#cluster.settings;
    if (statsTickMs <= 0) return;
    this.#timer = setInterval(() => void this.renew(), statsTickMs).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Looks at all guests now. Those of nodes that are away keep nothing. */
  async renew(): Promise<void> {
    const seen = new Map<number, GuestStatus>();
    for (const guest of this.#cluster.guests.all()) {
      if (!this.#cluster.nodes.get(guest.node)?.online) continue;
      seen.set(guest.vmid, await guestStatus(this.#cluster, guest));
    }
    this.#guests = seen;
  }
}
