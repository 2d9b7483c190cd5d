import { DockerError, noSuchImage } from './docker-error.ts';
import { formatTag, parseImageName } from './image-name.ts';
import { shortId, type ImageStore } from './image-store.ts';

/** One line of the answer: a tag or an id. */
export type Removal = { Untagged: string } | { Deleted: string };

/**
 * Removes a tag, and the image with its unnamed ancestors once no tag and no child holds it, as Docker does. Throws
 * DockerError 404 and 409.
 */
export function removeImage(store: ImageStore, name: string, force: boolean): Removal[] {
  const image = store.find(name);
  if (!image) throw noSuchImage(missingName(name));
  const tags = store.tagsOf(image.id);
  const tag = tags.find((candidate) => candidate === tagIn(name));
  const conflict = (why: string): DockerError =>
    new DockerError(409, `conflict: unable to delete ${shortId(image.id)} ${why}`);
  if (tag === undefined && store.childrenOf(image.id).length > 0) {
    throw conflict('(cannot be forced) - image has dependent child images');
  }
  const repositories = new Set(tags.map((candidate) => candidate.replace(/:[^:]*$/, '')));
  if (tag === undefined && repositories.size > 1 && !force) {
    throw conflict('(must be forced) - image is referenced in multiple repositories');
  }
  const removed = tag === undefined ? tags : [tag];
  for (const each of removed) store.untag(each);
  return [...removed.map((each) => ({ Untagged: each })), ...removeUnheld(store, image.id)];
}

function removeUnheld(store: ImageStore, id: string): Removal[] {
  const image = store.find(id);
  if (!image || store.tagsOf(id).length > 0 || store.childrenOf(id).length > 0) return [];
  store.remove(id);
  return [{ Deleted: id }, ...(image.parent === undefined ? [] : removeUnheld(store, image.parent))];
}

/** Docker names the tag it looked for, unless an id was given. */
function missingName(name: string): string {
  return tagIn(name) ?? name;
}

function tagIn(name: string): string | undefined {
  if (name.startsWith('sha256:')) return undefined;
  try {
    return formatTag(parseImageName(name));
  } catch {
    return undefined; // An id has no tag.
  }
}
