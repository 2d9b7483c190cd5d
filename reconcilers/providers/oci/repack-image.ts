import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type { Artifact, ImageProcess } from './artifact.ts';
import { readLayer, type Layer } from './layer.ts';
import { unpackSavedFiles } from './saved-files.ts';
import { findSavedImage, type SavedImage } from './saved-image.ts';
import type { ImageConfig } from './schema.ts';
import { makeSupervisorLayer, writeArchive } from './write-archive.ts';

export interface RepackOptions {
  /** What `docker save` gives. It is read to its end, or destroyed. */
  save: Readable;
  /** A folder of the caller's; the archive stays in it, everything else is removed. */
  workDir: string;
  /** The guest supervisor for this architecture. */
  init: { bytes: Buffer };
  /** What guests of this archive open their configuration with; 32 bytes. */
  configKey: Buffer;
  architecture: Artifact['architecture'];
}

export interface RepackedImage extends Omit<Artifact, 'image'> {
  /** The archive, in `workDir`. */
  path: string;
}

/** Of the supervisor that is put in, as it says itself when it starts. */
const SUPERVISOR_VERSION = 3;

/** `repackImage`, for those who take it as a parameter. */
export type RepackImage = (options: RepackOptions, signal: AbortSignal) => Promise<RepackedImage>;

/**
 * Makes the archive that Proxmox takes: the image's layers with the supervisor's on top, and what the image wanted to run
 * as an answer instead of in the archive. The same image, supervisor and key give the same bytes. Throws Invalid for an image
 * that no guest can be made from, Unavailable for a damaged one.
 */
export async function repackImage(
  { save, workDir, init, configKey, architecture }: RepackOptions,
  signal: AbortSignal,
): Promise<RepackedImage> {
  const unpacked = join(workDir, 'unpacked');
  const path = join(workDir, 'archive.tar');
  try {
    const files = await unpackSavedFiles(save, unpacked, signal);
    const image = await findSavedImage(files, architecture);
    const exposedPorts = portsOf(image.config);
    const content = {
      layers: await readLayers(image, signal),
      supervisor: await makeSupervisorLayer(init.bytes, configKey),
      architecture,
      variant: image.config.variant,
      exposedPorts,
    };
    const written = await writeArchive(path, content, signal);
    return {
      path,
      ...written,
      imageDigest: image.digest,
      architecture,
      supervisor: SUPERVISOR_VERSION,
      process: processOf(image.config),
      exposedPorts,
    };
  } catch (error) {
    save.destroy();
    await rm(path, { force: true });
    throw error;
  } finally {
    await rm(unpacked, { recursive: true, force: true });
  }
}

async function readLayers({ config, layers }: SavedImage, signal: AbortSignal): Promise<Layer[]> {
  const read: Layer[] = [];
  for (const [index, path] of layers.entries()) {
    read.push(await readLayer(path, config.rootfs.diff_ids[index] ?? '', signal));
  }
  return read;
}

function processOf({ config }: ImageConfig): ImageProcess {
  return {
    command: [...config.Entrypoint, ...config.Cmd],
    env: config.Env,
    workingDir: config.WorkingDir,
    user: config.User,
    stopSignal: config.StopSignal,
  };
}

/** Some builders write ranges and names here; nobody could connect to those. */
function portsOf({ config }: ImageConfig): string[] {
  return config.ExposedPorts.map((port) => (port.includes('/') ? port : `${port}/tcp`))
    .filter((port) => /^\d{1,5}\/(tcp|udp|sctp)$/.test(port))
    .toSorted();
}
