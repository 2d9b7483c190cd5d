import type { SettingEffect } from './engine-definition.ts';

/** No engine can have a certificate before guests can have files. */
export const noCertificate: SettingEffect = {
  unsupported:
    'it needs a certificate in the guest, which this version cannot put there; connections are not encrypted',
};

/** A share of the guest's memory, in whole MiB and never less than `atLeast`. */
export function shareOf(memoryMiB: number, share: number, atLeast: number): number {
  return Math.max(atLeast, Math.floor(memoryMiB * share));
}
