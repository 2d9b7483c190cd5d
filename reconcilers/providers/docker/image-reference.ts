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
