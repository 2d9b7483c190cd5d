import { mountFormat } from '../schema/guest-options.ts';
import { readProperties } from '../schema/property-string.ts';
import { Refusal } from '../refusal.ts';
import type { Options } from './guest-config.ts';

const units: Readonly<Record<string, number>> = { '': 1, K: 1024, M: 1024 ** 2, G: 1024 ** 3, T: 1024 ** 4 };

/** A disk option of a guest. */
export interface GuestVolume {
  /** `rootfs`, `mp0`, `unused0`, ... */
  key: string;
  properties: ReadonlyMap<string, string>;
}

/** Reads the value of `rootfs`, `mpN` or `unusedN`; the API has checked it. */
export function readVolume(value: string): Map<string, string> {
  const read = readProperties({ ...mountFormat, properties: lenient }, value);
  if (read.problem !== undefined) throw new Refusal(read.problem);
  return read.properties;
}

const lenient = Object.fromEntries(
  Object.entries(mountFormat.properties).map(([key, property]) => [key, { ...property, optional: true } as const]),
);

/** `rootfs` and the mount points, in the order in which they are mounted. */
export function mountedVolumes(options: Options): GuestVolume[] {
  const keys = [...options.keys()].filter((key) => /^mp\d+$/.test(key));
  keys.sort((a, b) => Number(a.slice(2)) - Number(b.slice(2)));
  return ['rootfs', ...keys].flatMap((key) => {
    const value = options.get(key);
    return value === undefined ? [] : [{ key, properties: readVolume(value) }];
  });
}

/** Volumes that the guest has but does not use. */
export function unusedVolumes(options: Options): GuestVolume[] {
  return [...options]
    .filter(([key]) => /^unused\d+$/.test(key))
    .map(([key, value]) => ({ key, properties: readVolume(value) }));
}

/** Whenever Proxmox writes a config, an unused volume that is in use again ceases to be listed as unused. */
export function dropUsed(options: Options): void {
  const unused = unusedVolumes(options);
  if (unused.length === 0) return;
  const used = new Set(mountedVolumes(options).map(({ properties }) => properties.get('volume')));
  for (const { key, properties } of unused) if (used.has(properties.get('volume'))) options.delete(key);
}

/** Size as in a config (`8G`, `1124M`, `1.5T`), in bytes. */
export function sizeBytesOf(size: string): number {
  const [, digits = '0', unit = ''] = /^(\d+(?:\.\d+)?)([KMGT]?)$/.exec(size) ?? [];
  return Math.floor(Number(digits) * (units[unit] ?? 1));
}

/** Bytes as a config has them: the largest unit that divides them. */
export function formatSize(bytes: number): string {
  for (const unit of ['T', 'G', 'M', 'K'] as const) {
    const factor = units[unit] ?? 1;
    if (bytes >= factor && bytes % factor === 0) return `${bytes / factor}${unit}`;
  }
  return String(bytes);
}

/** The first `unusedN` that is free. */
export function freeUnusedKey(options: Options): string {
  for (let index = 0; index <= 255; index++) {
    if (!options.has(`unused${index}`)) return `unused${index}`;
  }
  throw new Refusal('too many unused volumes - please delete them first.');
}
