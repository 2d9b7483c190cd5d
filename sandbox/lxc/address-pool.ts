import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { EngineError } from '../engine/engine.ts';
import { formatAddress, sizeOf, type Ipv4Network } from './ipv4.ts';

const Leases = z.record(z.string(), z.string());

/**
 * Hands out addresses as a DHCP server would: one MAC address keeps its address over restarts. Addresses come from
 * the upper half of the subnet, so that the lower half is free for static ones; when all are given away, the one
 * whose owner has not started for the longest time goes first.
 */
export class AddressPool {
  readonly #file: string;
  readonly #subnet: Ipv4Network;
  /** Address by MAC, the one used longest ago first. */
  readonly #leases: Map<string, string>;

  constructor(stateDir: string, subnet: Ipv4Network) {
    this.#file = join(stateDir, 'leases.json');
    this.#subnet = subnet;
    this.#leases = new Map(Object.entries(readLeases(this.#file)));
  }

  /** The address for a MAC. `taken` are the addresses that running guests have now. */
  lease(mac: string, taken: ReadonlySet<string>): string {
    const key = mac.toLowerCase();
    const known = this.#leases.get(key);
    const address = known !== undefined && this.#holds(known) && !taken.has(known) ? known : this.#choose(taken);
    for (const [other, leased] of this.#leases) {
      if (leased === address) this.#leases.delete(other);
    }
    this.#leases.delete(key);
    this.#leases.set(key, address);
    this.#save();
    return address;
  }

  #choose(taken: ReadonlySet<string>): string {
    const leased = new Set(this.#leases.values());
    const free = this.#addresses().find((address) => !leased.has(address) && !taken.has(address));
    const reusable = free ?? [...leased].find((address) => this.#holds(address) && !taken.has(address));
    if (reusable !== undefined) return reusable;
    throw new EngineError('no address is left for ip=dhcp: every one of the subnet belongs to a running guest');
  }

  #addresses(): string[] {
    const size = sizeOf(this.#subnet);
    const first = this.#subnet.base + size / 2;
    return Array.from({ length: size / 2 - 1 }, (_, index) => formatAddress(first + index));
  }

  /** A saved lease may be of another subnet. */
  #holds(address: string): boolean {
    return this.#addresses().includes(address);
  }

  #save(): void {
    writeFileSync(`${this.#file}.new`, `${JSON.stringify(Object.fromEntries(this.#leases))}\n`);
    renameSync(`${this.#file}.new`, this.#file);
  }
}

function readLeases(file: string): Record<string, string> {
  try {
    return Leases.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return {}; // None yet, or a torn file: the addresses are given out anew.
  }
}
