/** The name and the tag of an image reference; a digest is no tag. */
export function splitImage(reference: string): { name: string; tag: string | undefined } {
  const [tagged = ''] = reference.split('@', 1);
  const [, name = tagged, tag] = /^(.+):([^/:]+)$/.exec(tagged) ?? [];
  return { name, tag };
}
