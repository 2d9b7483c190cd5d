import { createHash } from 'node:crypto';
import {
  closeSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { indexTar } from '../lxc/tar-index.ts';
import { ImageConfig } from './image-config.ts';
import { formatTag, parseImageName } from './image-name.ts';

/** An image with what the store knows of it. */
export interface StoredImage {
  /** `sha256:HEX`, the digest of `raw`. */
  id: string;
  config: ImageConfig;
  /** The configuration as it was written: other bytes would be another image. */
  raw: string;
  parent: string | undefined;
  /** What made it out of its parent; the next build that does the same takes this image. */
  cacheKey: string | undefined;
  sizeBytes: number;
}

const ImageFile = z.object({ raw: z.string(), parent: z.string().optional(), cacheKey: z.string().optional() });
const Tags = z.record(z.string(), z.string());

/** Images and their layers in a folder. One process at a time. */
export class ImageStore {
  readonly #folder: string;
  readonly #images = new Map<string, StoredImage>();
  /** Image by tag. */
  readonly #tags: Map<string, string>;
  readonly #layerSizes = new Map<string, number>();
  /** Layers whose image is still being made; nobody else may remove them meanwhile. */
  readonly #unclaimed = new Set<string>();

  /** Reads what an earlier process left in the folder. */
  constructor(folder: string) {
    this.#folder = folder;
    for (const name of ['images', 'layers', 'tmp']) mkdirSync(join(folder, name), { recursive: true });
    for (const name of readdirSync(this.temporary)) rmSync(join(this.temporary, name), { recursive: true });
    for (const name of readdirSync(join(folder, 'images'))) {
      const file = ImageFile.parse(JSON.parse(readFileSync(join(folder, 'images', name), 'utf8')));
      const image = this.#toImage(file.raw, file);
      this.#images.set(image.id, image);
    }
    const tags = Tags.safeParse(readJson(join(folder, 'tags.json'))).data ?? {};
    this.#tags = new Map(Object.entries(tags).filter(([, id]) => this.#images.has(id)));
  }

  /** A folder for files that are not finished. */
  get temporary(): string {
    return join(this.#folder, 'tmp');
  }

  /** Takes over a finished tar file as a layer; it is gone from its place afterwards. */
  addLayer(file: string, diffId: string): void {
    renameSync(file, this.layerFile(diffId));
    this.#unclaimed.add(hexOf(diffId));
  }

  layerFile(diffId: string): string {
    return join(this.#folder, 'layers', `${hexOf(diffId)}.tar`);
  }

  addImage(raw: string, origin: { parent?: string | undefined; cacheKey?: string | undefined } = {}): StoredImage {
    const image = this.#toImage(raw, origin);
    const known = this.#images.get(image.id);
    if (known) return known;
    writeWhole(this.#imageFile(image.id), JSON.stringify({ raw, ...origin }));
    this.#images.set(image.id, image);
    for (const diffId of image.config.rootfs.diff_ids ?? []) this.#unclaimed.delete(hexOf(diffId));
    return image;
  }

  /** By id, by the beginning of one, or by name. */
  find(name: string): StoredImage | undefined {
    const exact = this.#images.get(name) ?? this.#images.get(`sha256:${name}`);
    if (exact) return exact;
    const tagged = this.#tags.get(tagOf(name) ?? '');
    if (tagged !== undefined) return this.#images.get(tagged);
    const prefix = name.replace(/^sha256:/, '');
    if (!/^[0-9a-f]{1,63}$/.test(prefix)) return undefined;
    const found = [...this.#images.values()].filter(({ id }) => id.startsWith(`sha256:${prefix}`));
    return found.length === 1 ? found[0] : undefined;
  }

  findCached(cacheKey: string): StoredImage | undefined {
    return [...this.#images.values()].find((image) => image.cacheKey === cacheKey);
  }

  all(): StoredImage[] {
    return [...this.#images.values()];
  }

  childrenOf(id: string): StoredImage[] {
    return this.all().filter(({ parent }) => parent === id);
  }

  /** `repository:tag` as people see it. */
  tagsOf(id: string): string[] {
    return [...this.#tags].flatMap(([tag, image]) => (image === id ? [tag] : [])).sort();
  }

  /** A tag belongs to one image: it is taken away from another. */
  tag(id: string, tag: string): void {
    this.#tags.set(tag, id);
    this.#saveTags();
  }

  untag(tag: string): void {
    this.#tags.delete(tag);
    this.#saveTags();
  }

  /** Removes an image and every layer that no other needs. */
  remove(id: string): void {
    rmSync(this.#imageFile(id), { force: true });
    this.#images.delete(id);
    const needed = new Set(
      this.all()
        .flatMap(({ config }) => config.rootfs.diff_ids ?? [])
        .map(hexOf),
    );
    for (const name of readdirSync(join(this.#folder, 'layers'))) {
      if (!needed.has(name.replace('.tar', ''))) rmSync(join(this.#folder, 'layers', name));
    }
  }

  #toImage(
    raw: string,
    { parent, cacheKey }: { parent?: string | undefined; cacheKey?: string | undefined },
  ): StoredImage {
    const config = ImageConfig.parse(JSON.parse(raw));
    const layers = config.rootfs.diff_ids ?? [];
    const sizeBytes = layers.reduce((sum, diffId) => sum + this.#layerSize(diffId), 0);
    return { id: digestOf(raw), config, raw, parent, cacheKey, sizeBytes };
  }

  /** Bytes of the files in a layer, which is what Docker counts. */
  #layerSize(diffId: string): number {
    const known = this.#layerSizes.get(diffId);
    if (known !== undefined) return known;
    const fd = openSync(this.layerFile(diffId), 'r');
    const members = indexTar(fd, fstatSync(fd).size);
    closeSync(fd);
    const size = [...members.values()].reduce((sum, member) => sum + member.size, 0);
    this.#layerSizes.set(diffId, size);
    return size;
  }

  #imageFile(id: string): string {
    return join(this.#folder, 'images', `${hexOf(id)}.json`);
  }

  #saveTags(): void {
    writeWhole(join(this.#folder, 'tags.json'), JSON.stringify(Object.fromEntries(this.#tags)));
  }
}

/** `sha256:HEX` of some bytes. */
export function digestOf(content: string | Uint8Array): string {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`;
}

/** The first twelve digits of an id, as people see it. */
export function shortId(id: string): string {
  return hexOf(id).slice(0, 12);
}

function hexOf(digest: string): string {
  return digest.replace('sha256:', '');
}

function tagOf(name: string): string | undefined {
  try {
    return formatTag(parseImageName(name));
  } catch {
    return undefined; // The beginning of an id need not be a name.
  }
}

function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}

function writeWhole(file: string, content: string): void {
  writeFileSync(`${file}.new`, content);
  renameSync(`${file}.new`, file);
}
