import { DockerError } from './docker-error.ts';
import { formatTag, parseImageName, registryOf } from './image-name.ts';
import type { ImageStore, StoredImage } from './image-store.ts';

/** Stands for every registry: it has the images that were published in it, and otherwise cannot be reached. */
export class Registry {
  readonly #store: ImageStore;
  readonly #published = new Map<string, string>();

  constructor(store: ImageStore) {
    this.#store = store;
  }

  /** From now on pulls of this tag give the image, whatever else has taken the tag meanwhile. */
  publish(tag: string, id: string): void {
    this.#published.set(tag, id);
  }

  /** Throws as Docker does when a registry does not answer. */
  pull(text: string): StoredImage {
    const name = parseImageName(text);
    const tag = formatTag(name);
    const id = this.#published.get(tag);
    const image = id === undefined ? undefined : this.#store.find(id);
    if (!image) {
      const host = registryOf(name);
      throw new DockerError(500, `Get "https://${host}/v2/": dial tcp: lookup ${host}: no such host`);
    }
    this.#store.tag(image.id, tag);
    return image;
  }
}
