import { DockerFault } from './fault.ts';

/** The reference as it is. It becomes part of a path, so it must not lead out of where it belongs. Throws invalid. */
export function checkReference(image: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9._:/@-]*$/.test(image) && !/(^|\/)\.*(\/|$)/.test(image)) return image;
  throw new DockerFault('invalid', `"${image.slice(0, 100)}" is no image reference. Correct it.`);
}

/** Name and tag or digest; without a tag an engine would pull all there are, so there is always one. */
export function splitReference(image: string): { name: string; tag: string } {
  const at = image.indexOf('@');
  if (at >= 0) return { name: image.slice(0, at).replace(/:[^/:]*$/, ''), tag: image.slice(at + 1) };
  const colon = image.lastIndexOf(':');
  if (colon > image.lastIndexOf('/')) return { name: image.slice(0, colon), tag: image.slice(colon + 1) };
  return { name: image, tag: 'latest' };
}

/** The host of the registry that an image comes from; "docker.io" where it names none. */
export function registryOf(image: string): string {
  const [first = '', ...rest] = image.split('/');
  const isHost = rest.length > 0 && (/[.:]/.test(first) || first === 'localhost');
  return isHost ? first : DOCKER_HUB;
}

export const DOCKER_HUB = 'docker.io';

/** The same image by its digest alone, which always stands for the same bytes. */
export function pinnedReference(image: string, digest: string): string {
  return `${splitReference(image).name}@${digest}`;
}
