import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { listImageFiles, readImageFiles } from '../images/image-files.ts';
import { readOciImage } from '../images/oci-image.ts';
import { EngineError } from '../engine/engine.ts';
import { supervisorKeyPath } from './sealed-config.ts';

const Unpacked = z.object({
  entrypoint: z.array(z.string()),
  env: z.array(z.string()),
  labels: z.record(z.string(), z.string()),
  exposedPorts: z.array(z.string()),
  files: z.array(z.string()),
  supervisorKey: z.string().optional(),
});

/** What is kept of an image instead of its files. */
export interface UnpackedImage {
  entrypoint: string[];
  env: string[];
  labels: Record<string, string>;
  exposedPorts: string[];
  files: ReadonlySet<string>;
  /** The file with which the supervisor opens its configuration. */
  supervisorKey?: string | undefined;
}

const marker = '.simulated-image';

/** Images that root file systems were "unpacked" from: their config and the names of their files, once for each image. */
export class UnpackedImages {
  readonly #folder: string;
  readonly #known = new Map<string, UnpackedImage>();

  constructor(folder: string) {
    this.#folder = folder;
    mkdirSync(folder, { recursive: true });
  }

  /** Notes in the root file system which image it is of. */
  async unpack(archive: string, rootfs: string): Promise<void> {
    const { mtimeMs, size, ino } = statSync(archive);
    const key = createHash('sha256').update(`${archive} ${mtimeMs} ${size} ${ino}`).digest('hex').slice(0, 32);
    if (!this.#known.has(key)) this.#keep(key, await readImage(archive));
    mkdirSync(rootfs, { recursive: true });
    writeFileSync(join(rootfs, marker), key);
  }

  /** Undefined for a root file system that was really unpacked. */
  of(rootfs: string): UnpackedImage | undefined {
    let key: string;
    try {
      key = basename(readFileSync(join(rootfs, marker), 'utf8'));
    } catch {
      return undefined;
    }
    const known = this.#known.get(key);
    if (known) return known;
    const { files, ...rest } = Unpacked.parse(JSON.parse(readFileSync(this.#pathOf(key), 'utf8')));
    const image = { ...rest, files: new Set(files) };
    this.#known.set(key, image);
    return image;
  }

  #keep(key: string, image: UnpackedImage): void {
    this.#known.set(key, image);
    writeFileSync(this.#pathOf(key), JSON.stringify({ ...image, files: [...image.files] }));
  }

  #pathOf(key: string): string {
    return join(this.#folder, `${key}.json`);
  }
}

async function readImage(archive: string): Promise<UnpackedImage> {
  const image = readOciImage(archive);
  if (!image) throw new EngineError('Error while parsing OCI image: the archive is not an OCI image');
  const { entrypoint, env, labels, exposedPorts } = image;
  const files = await listImageFiles(archive, image);
  const read = files.has(supervisorKeyPath) ? await readImageFiles(archive, image, [supervisorKeyPath]) : undefined;
  return { entrypoint, env, labels, exposedPorts, files, supervisorKey: read?.get(supervisorKeyPath) };
}
