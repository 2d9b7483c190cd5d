import { quantityBytes } from '../../crds/quantity.ts';
import type { Volume } from '../../crds/volume.ts';
import { mountBytes } from '../providers/proxmox/mount.ts';
import type { Standing, VolumePlan } from './volume-plan.ts';

const GIB = 2 ** 30;

/** The size in whole GiB that the spec asks for. */
export function wantedGiB({ spec }: Pick<Volume, 'spec'>): number {
  return Math.max(1, Math.ceil(quantityBytes(spec.size) / GIB));
}

/** Grows it, also in use, and never shrinks it. Pure. */
export function planGrowth(volume: Volume, at: Standing): VolumePlan | undefined {
  const sizeGiB = wantedGiB(volume);
  const bytes = mountBytes(at.mount.size);
  if (bytes === undefined || sizeGiB * GIB <= bytes || !at.key.startsWith('mp')) return undefined;
  return { do: 'grow', at, sizeGiB };
}

/** Says that it is larger than asked for. Pure. */
export function shrinkRefusal(volume: Volume, { mount }: Standing): VolumePlan | undefined {
  const bytes = mountBytes(mount.size) ?? 0;
  if (wantedGiB(volume) * GIB >= bytes) return undefined;
  const message = `It has ${mount.size} and cannot shrink to ${volume.spec.size}. Set spec.size back to at least that.`;
  return { do: 'stall', reason: 'ShrinkRefused', message };
}
