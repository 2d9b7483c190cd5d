import type { Readable } from 'node:stream';
import type { Artifact } from './artifact.ts';

export interface RepackOptions {
  /** What `docker save` gives. It is read to its end, or destroyed. */
  save: Readable;
  /** A folder of the caller's; the archive stays in it, everything else is removed. */
  workDir: string;
  /** The guest supervisor for this architecture. */
  init: { bytes: Buffer };
  architecture: Artifact['architecture'];
}

export interface RepackedImage extends Omit<Artifact, 'image'> {
  /** The archive, in `workDir`. */
  path: string;
}

/** Makes the archive that Proxmox takes. The same image and supervisor give the same bytes. */
export type RepackImage = (options: RepackOptions, signal: AbortSignal) => Promise<RepackedImage>;
