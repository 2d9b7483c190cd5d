import type { GuestMachine } from '../engine/engine.ts';
import type { AddressPool } from './address-pool.ts';
import type { GuestBridge } from './guest-bridge.ts';

/** What the interfaces of a guest get. */
export interface GuestAddresses {
  /** CIDR by MAC, for the interfaces with `ip=dhcp`. */
  leases: Map<string, string>;
  /** Every address of the guest, without prefix. */
  all: string[];
}

/** Decides the addresses of a guest's interfaces. `taken` are those of the guests that run. */
export function assignAddresses(
  { nics }: GuestMachine,
  pool: AddressPool,
  { subnet }: GuestBridge,
  taken: readonly string[],
): GuestAddresses {
  const fixed = nics.flatMap(({ ip }) => (ip === undefined || ip === 'dhcp' || ip === 'manual' ? [] : [plain(ip)]));
  const all = [...fixed];
  const leases = new Map<string, string>();
  for (const { mac, ip } of nics) {
    if (ip !== 'dhcp') continue;
    const address = pool.lease(mac, new Set([...taken, ...all]));
    all.push(address);
    leases.set(mac, `${address}/${subnet.prefix}`);
  }
  return { leases, all };
}

function plain(cidr: string): string {
  return cidr.split('/')[0] ?? cidr;
}
