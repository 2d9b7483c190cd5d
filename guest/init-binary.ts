import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';

/** The processors a guest can have, as OCI images name them. */
export type InitArch = 'amd64' | 'arm64';

export interface InitBinary {
  bytes: Buffer;
  /** Lower-case hex. */
  sha256: string;
}

/**
 * The supervisor that becomes process 1 of a guest, as it is committed. Throws when the file is missing or is not the one
 * that SHA256SUMS names: a guest with a damaged process 1 would not start, and nothing in it could say why.
 */
export async function readInitBinary(arch: InitArch): Promise<InitBinary> {
  const name = `init-${arch}`;
  const folder = prebuiltFolder();
  const bytes = await readFile(new URL(name, folder));
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const sums = await readFile(new URL('SHA256SUMS', folder), 'utf8');
  if (!sums.split('\n').includes(`${sha256}  ${name}`)) {
    throw new Error(`guest/prebuilt/${name} is not the file that SHA256SUMS names; check out guest/prebuilt again.`);
  }
  return { bytes, sha256 };
}

/** Beside the source; a release compiled to dist/guest/ still finds it there. */
function prebuiltFolder(): URL {
  const beside = new URL('./prebuilt/', import.meta.url);
  return existsSync(beside) ? beside : new URL('../../guest/prebuilt/', import.meta.url);
}
