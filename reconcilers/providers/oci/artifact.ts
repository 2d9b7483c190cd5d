import { z } from 'zod';

export const Digest = z.string().regex(/^sha256:[0-9a-f]{64}$/);

/** An archive that Proxmox makes guests from, and what the image said that the archive no longer carries. */
export const Artifact = z.object({
  /** Of the archive file. */
  digest: Digest,
  sizeBytes: z.int(),
  /** Of the manifest before it was repacked, or of the config of an image that came without one. */
  imageDigest: z.string(),
  /** The reference people know the image by. */
  image: z.string(),
  architecture: z.enum(['amd64', 'arm64']),
  /** Version of the supervisor in it; archives of before it was noted have 1 or 2. */
  supervisor: z.int().optional(),
  process: z.object({
    command: z.array(z.string()),
    /** NAME=value entries. */
    env: z.array(z.string()),
    /** Empty when the image names none, as the next two. */
    workingDir: z.string(),
    user: z.string(),
    stopSignal: z.string(),
  }),
  /** As "80/tcp". */
  exposedPorts: z.array(z.string()),
});
export type Artifact = z.output<typeof Artifact>;
export type ImageProcess = Artifact['process'];
