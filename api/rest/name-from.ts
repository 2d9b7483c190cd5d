/** What names of objects may be long, with room for what is hung on to them: revisions, guests, something random. */
const MOST = 40;

/** A DNS label made from what people call something; `otherwise` when no letter of it can be in one. */
export function nameFrom(displayName: string, otherwise: string): string {
  const label = displayName
    .normalize('NFKD')
    .replaceAll(/\p{M}/gu, '')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .slice(0, MOST + 1)
    .replaceAll(/^-+|-+$/g, '')
    .slice(0, MOST)
    .replace(/-+$/, '');
  return label === '' ? otherwise : label;
}
