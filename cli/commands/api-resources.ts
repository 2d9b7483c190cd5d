import { kindNames } from '../kind-names.ts';
import { alignColumns } from '../render-table.ts';
import type { Say } from '../text.ts';

const VERSION = 'containr.dev/v1alpha1';

/** Shows every kind that this command knows, with its names; works without a server. */
export function apiResources({ headers }: { headers: boolean }, say: Say): void {
  const rows = kindNames
    .toSorted((a, b) => (a.plural < b.plural ? -1 : 1))
    .map(({ kind, plural, shortNames, namespaced }) => [
      plural,
      shortNames.join(','),
      VERSION,
      String(namespaced),
      kind,
    ]);
  const head = ['NAME', 'SHORTNAMES', 'APIVERSION', 'NAMESPACED', 'KIND'];
  for (const line of alignColumns(headers ? [head, ...rows] : rows)) say(line);
}
