/** Orders two resource versions (decimal text without leading zeros, as every store writes them): below, 0 or above 0. */
export function compareVersions(a: string, b: string): number {
  if (a.length !== b.length) return a.length - b.length;
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
