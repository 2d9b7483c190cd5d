import { z } from 'zod';
import { DockerError } from './docker-error.ts';
import type { ImageStore, StoredImage } from './image-store.ts';

/** `{"label": ["a=b"]}`, or the old form `{"label": {"a=b": true}}`. */
const Filters = z.record(
  z.string(),
  z.union([
    z.array(z.string()),
    z.record(z.string(), z.boolean()).transform((values) => Object.keys(values).filter((key) => values[key])),
  ]),
);

const known = ['label', 'dangling', 'reference', 'before', 'since', 'until'];

/** Whether an image is to be listed. Throws DockerError for filters that Docker would refuse. */
export function imageFilter(store: ImageStore, text: string | null): (image: StoredImage) => boolean {
  const filters = readFilters(text);
  const unknown = Object.keys(filters).find((name) => !known.includes(name));
  if (unknown !== undefined) throw new DockerError(400, `Invalid filter '${unknown}'`);
  const { label = [], dangling = [], reference = [] } = filters;
  return (image) =>
    label.every((wanted) => hasLabel(image, wanted)) &&
    dangling.every((value) => ['1', 'true'].includes(value) === (store.tagsOf(image.id).length === 0)) &&
    (reference.length === 0 || store.tagsOf(image.id).some((tag) => reference.some((wanted) => matches(tag, wanted))));
}

function readFilters(text: string | null): Record<string, string[]> {
  if (text === null || text === '') return {};
  try {
    return Filters.parse(JSON.parse(text));
  } catch (cause) {
    throw new DockerError(500, `invalid filters: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
}

function hasLabel({ config }: StoredImage, wanted: string): boolean {
  const at = wanted.indexOf('=');
  const value = config.config.Labels?.[at === -1 ? wanted : wanted.slice(0, at)];
  return value !== undefined && (at === -1 || value === wanted.slice(at + 1));
}

function matches(tag: string, wanted: string): boolean {
  const pattern = wanted
    .replaceAll(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '[^/]*')
    .replaceAll('?', '[^/]');
  const [repository = ''] = /^.*(?=:)/.exec(tag) ?? [];
  return [tag, repository].some((text) => new RegExp(`^${pattern}$`).test(text));
}
