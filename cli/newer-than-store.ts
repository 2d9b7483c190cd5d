import type { ApiClient } from './client.ts';
import { kindNamed } from './kind-names.ts';
import { conditionOf, shownName, type ApiObject } from './objects.ts';
import { listOrphans } from './orphans.ts';

/** What the loops say of something that the store has and the world does not. */
const missing = new Set(['GuestMissing', 'VolumeMissing', 'ArchiveMissing', 'OwnerMismatch', 'ArtifactMissing']);

/** How the world differs from what the store says, for people who decide whether to go on. */
export async function newerThanStore(client: ApiClient): Promise<string[]> {
  const { orphans, untold } = await listOrphans(client);
  const lines = orphans.map(({ vmid, node, cluster, kind = 'guest', project, object, why }) => {
    const of = object === undefined ? '' : ` (${kind.toLowerCase()}/${object} in ${project})`;
    return `  guest ${vmid} on ${node} of ${cluster}${of} belongs to no object. ${why}`;
  });
  if (untold > 0) lines.push(`  and ${untold} more; see: containr orphans`);
  const kinds = ['Guest', 'Volume', 'Backup'].map(kindNamed);
  const lists = await Promise.all(
    kinds.map(async (kind) => (await client.list(kind)).items.map((item) => ({ ...item, kind: kind.kind }))),
  );
  const gone = lists.flat().flatMap(lineOfMissing);
  const held = lists.flat().filter((item) => conditionOf(item, 'Reconciling')?.reason === 'ObserveOnly').length;
  return [
    lines.length === 0 ? 'No guest with our marks is newer than the database.' : 'Newer than the database:',
    ...lines,
    ...(gone.length === 0
      ? ['Everything that the database names is there.']
      : ['In the database, and not there:', ...gone]),
    ...(held === 0 ? [] : [`${held} guests, volumes and backups wait to be changed.`]),
    'Listed as of the last look, which is at most a minute old.',
  ];
}

function lineOfMissing(object: ApiObject): string[] {
  const ready = conditionOf(object, 'Ready');
  if (!ready || !missing.has(ready.reason)) return [];
  return [`  ${shownName(object)} in ${object.metadata.namespace}: ${ready.message}`];
}
