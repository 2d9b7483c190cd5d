import { DockerError } from './docker-error.ts';

/** An image's name as Docker shows it: without the default registry, with a tag or a digest. */
export interface ImageName {
  repository: string;
  /** `latest` where the text has none; undefined when a digest says which image. */
  tag: string | undefined;
  digest: string | undefined;
}

const defaultRegistry = 'docker.io';
const hostPattern = '[a-zA-Z0-9]+(?:[.-]+[a-zA-Z0-9]+)*(?::\\d+)?';
const partPattern = '[a-z0-9]+(?:(?:\\.|_{1,2}|-+)[a-z0-9]+)*';
const repositoryPattern = new RegExp(`^(?:${hostPattern}/)?${partPattern}(?:/${partPattern})*$`);
const tagPattern = /^\w[\w.-]{0,127}$/;

/** Reads `repository[:tag][@digest]`. Throws what Docker says to a text that is none, with the given status. */
export function parseImageName(text: string, status = 400): ImageName {
  const [beforeDigest = '', digest] = text.split('@');
  const colon = beforeDigest.indexOf(':', beforeDigest.lastIndexOf('/') + 1);
  const repository = colon === -1 ? beforeDigest : beforeDigest.slice(0, colon);
  const tag = colon === -1 ? undefined : beforeDigest.slice(colon + 1);
  const path = repository.split('/').slice(/[.:]/.test(repository.split('/')[0] ?? '') ? 1 : 0);
  if (path.some((part) => part !== part.toLowerCase())) {
    throw new DockerError(status, 'invalid reference format: repository name must be lowercase');
  }
  const isDigest = digest === undefined || /^sha256:[0-9a-f]{64}$/.test(digest);
  if (!repositoryPattern.test(repository) || (tag !== undefined && !tagPattern.test(tag)) || !isDigest) {
    throw new DockerError(status, 'invalid reference format');
  }
  return { repository: shorten(repository), tag: tag ?? (digest === undefined ? 'latest' : undefined), digest };
}

/** `repository:tag` as it stands in `RepoTags`. */
export function formatTag({ repository, tag }: ImageName): string {
  return `${repository}:${tag ?? 'latest'}`;
}

/** The registry that Docker would ask for the image. */
export function registryOf({ repository }: ImageName): string {
  const [first = '', ...rest] = repository.split('/');
  return rest.length > 0 && (/[.:]/.test(first) || first === 'localhost') ? first : defaultRegistry;
}

/** `docker.io/library/NAME` and `NAME` are one image. */
function shorten(repository: string): string {
  const prefixes = [`${defaultRegistry}/library/`, `${defaultRegistry}/`];
  const prefix = prefixes.find((candidate) => repository.startsWith(candidate));
  return prefix === undefined ? repository : repository.slice(prefix.length);
}
