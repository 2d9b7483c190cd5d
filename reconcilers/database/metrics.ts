import type { Database } from '../../crds/database.ts';
import { quantityBytes } from '../../crds/quantity.ts';
import type { Guest } from '../../crds/guest.ts';
import type { Volume } from '../../crds/volume.ts';
import type { GuestUsage } from '../providers/guest/guest-links.ts';
import type { DatabaseAnswer } from '../providers/database/client.ts';
import type { ListedGuest } from '../providers/proxmox/client.ts';

/** How often it is measured, and asked whether it still answers. */
export const MEASURE_MS = 60_000;

export interface Measured {
  answer: DatabaseAnswer;
  listed: ListedGuest | undefined;
  volume: Volume | undefined;
  traffic: Traffic | undefined;
}

/** Bytes per second. */
export interface Traffic {
  networkIn: number;
  networkOut: number;
}

/** Between two looks at the counters of a guest; undefined when they do not follow on each other, as after its start. Pure. */
export function trafficBetween(before: ListedGuest | undefined, now: ListedGuest | undefined): Traffic | undefined {
  if (before?.uptimeSeconds === undefined || now?.uptimeSeconds === undefined) return undefined;
  const seconds = now.uptimeSeconds - before.uptimeSeconds;
  const received = (now.netInBytes ?? 0) - (before.netInBytes ?? 0);
  const sent = (now.netOutBytes ?? 0) - (before.netOutBytes ?? 0);
  if (before.vmid !== now.vmid || seconds <= 0 || received < 0 || sent < 0) return undefined;
  return { networkIn: Math.round(received / seconds), networkOut: Math.round(sent / seconds) };
}

/** What a guest had used when it was asked. */
export interface UsageLook {
  guestUid: string;
  usage: GuestUsage | undefined;
}

/** Per second. */
export interface Operations {
  readIops: number;
  writeIops: number;
}

/** Between two looks at what a guest has used; undefined when they do not follow on each other, as after its start. Pure. */
export function operationsBetween(before: UsageLook | undefined, now: UsageLook): Operations | undefined {
  if (!before?.usage || !now.usage || before.guestUid !== now.guestUid) return undefined;
  const seconds = (now.usage.uptimeMs - before.usage.uptimeMs) / 1000;
  const reads = now.usage.reads - before.usage.reads;
  const writes = now.usage.writes - before.usage.writes;
  if (seconds <= 0 || reads < 0 || writes < 0) return undefined;
  return { readIops: Math.round(reads / seconds), writeIops: Math.round(writes / seconds) };
}

/** What was measured now; undefined while Proxmox has not said how the guest does, or too soon after the last. Pure. */
export function measure(
  { status }: Pick<Database, 'status'>,
  { answer, listed, volume, traffic }: Measured,
  now: Date,
): Database['status']['metrics'] {
  const { metrics } = status;
  if (metrics && now.getTime() - Date.parse(metrics.at) < MEASURE_MS / 2) return undefined;
  if (listed?.memoryBytes === undefined || listed.maxMemoryBytes === undefined) return undefined;
  const room = volume && quantityBytes(volume.status.size ?? volume.spec.size);
  return {
    at: now.toISOString(),
    cpu: perCent(listed.cpu ?? 0, 1),
    memory: perCent(listed.memoryBytes, listed.maxMemoryBytes),
    ...(room !== undefined && answer.dataBytes !== undefined && { storage: perCent(answer.dataBytes, room) }),
    connections: answer.connections,
    ...traffic,
  };
}

/** The row of a guest in the last list of its cluster. Pure. */
export function rowOf(guest: Guest, guests: readonly ListedGuest[]): ListedGuest | undefined {
  return guests.find(({ vmid }) => vmid === guest.status.vmid);
}

function perCent(part: number, whole: number): number {
  return whole <= 0 ? 0 : Math.round((part / whole) * 1000) / 10;
}
