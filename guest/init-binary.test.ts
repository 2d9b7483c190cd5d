import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { readInitBinary, type InitArch } from './init-binary.ts';

/** The processor an ELF file is for, as its header numbers them. */
const machines: Record<InitArch, number> = { amd64: 62, arm64: 183 };

describe('readInitBinary', () => {
  it.each<InitArch>(['amd64', 'arm64'])('gives a static program for %s and its digest', async (arch) => {
    const { bytes, sha256 } = await readInitBinary(arch);
    expect(bytes.subarray(0, 4).toString('latin1')).toBe('\x7fELF');
    expect(bytes.readUInt16LE(18)).toBe(machines[arch]);
    expect(bytes.includes('/lib/ld-')).toBe(false); // it asks for no dynamic linker
    expect(sha256).toBe(createHash('sha256').update(bytes).digest('hex'));
  });

  // The same program takes more instructions on arm64.
  it.each<[InitArch, number]>([
    ['amd64', 120],
    ['arm64', 136],
  ])('for %s stays below %i KiB', async (arch, mostKiB) => {
    expect((await readInitBinary(arch)).bytes.length).toBeLessThan(mostKiB * 1024);
  });
});
