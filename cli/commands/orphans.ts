import type { ApiClient } from '../client.ts';
import { adviceFor, listOrphans, type Orphan } from '../orphans.ts';
import { alignColumns } from '../render-table.ts';
import { ageText, plainLine, type Say } from '../text.ts';

/** Shows the guests on Proxmox that carry our marks and belong to no object, and what to do about each. Nothing is changed. */
export async function orphans(client: ApiClient, { json = false }: { json?: boolean }, say: Say): Promise<void> {
  const { orphans: found, untold } = await listOrphans(client);
  if (json) return say(JSON.stringify({ orphans: found, untold }, null, 2));
  if (found.length === 0) return say('Every guest with the marks of this installation belongs to an object.');
  const rows = found.map((orphan) => rowOf(orphan).map(plainLine));
  const [head = '', ...lines] = alignColumns([
    ['CLUSTER', 'VMID', 'NODE', 'STATE', 'WAS', 'VOLUMES', 'SINCE'],
    ...rows,
  ]);
  say(head);
  for (const [index, orphan] of found.entries()) {
    say(lines[index] ?? '');
    say(`  ${plainLine(orphan.why)}`);
    for (const advice of adviceFor(orphan)) say(`  ${plainLine(advice)}`);
  }
  if (untold > 0) say(`And ${untold} more.`);
}

function rowOf({ cluster, vmid, node, running, kind, project, object, volumes, since }: Orphan): string[] {
  const was = kind === undefined ? 'unknown' : `${kind.toLowerCase()}/${object} in ${project}`;
  const held = volumes.map(({ key, name = key, size }) => (size === undefined ? name : `${name} ${size}`)).join(', ');
  return [cluster, String(vmid), node, running ? 'running' : 'stopped', was, held === '' ? '-' : held, ageText(since)];
}
