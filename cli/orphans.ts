import type { ApiClient } from './client.ts';
import { kindNamed } from './kind-names.ts';
import type { ApiObject } from './objects.ts';

/** A guest on Proxmox that carries our marks and belongs to no object, as its cluster's status tells it. */
export interface Orphan {
  cluster: string;
  vmid: number;
  node: string;
  name: string;
  running: boolean;
  since: string;
  why: string;
  kind?: 'Guest' | 'Volume';
  project?: string;
  object?: string;
  owner?: string;
  retained?: boolean;
  volumes: { key: string; name?: string; size?: string }[];
}

/** Of all clusters, and how many there are besides those that are told. */
export async function listOrphans(client: ApiClient): Promise<{ orphans: Orphan[]; untold: number }> {
  const { items } = await client.list(kindNamed('ProxmoxCluster'));
  const orphans = items.flatMap(orphansOf);
  const all = items.reduce((sum, { status }) => sum + Number(status?.['orphanCount'] ?? 0), 0);
  return { orphans, untold: Math.max(0, all - orphans.length) };
}

function orphansOf({ metadata, status }: ApiObject): Orphan[] {
  const told: unknown = status?.['orphans'];
  if (!Array.isArray(told)) return [];
  return told.map((orphan: Omit<Orphan, 'cluster'>) => ({ ...orphan, cluster: metadata.name }));
}

/** What a person can do about it, each way with its command. */
export function adviceFor({ vmid, kind, project, object, owner, running, volumes, retained }: Orphan): string[] {
  const remove = `To remove it by hand, on its node: ${running ? `pct shutdown ${vmid} && ` : ''}pct destroy ${vmid}`;
  const named = volumes.map(({ key, name }) => (name === undefined ? key : `${name} (${key})`)).join(', ');
  const loss = volumes.length === 0 ? '' : `. That destroys what is on ${named} too`;
  if (kind === 'Volume') {
    const why = retained
      ? ''
      : `Apply the manifests of the project ${project}: its volume ${object} is found again. Or: `;
    return [`${why}containr adopt ${vmid}`, `${remove}${loss}`];
  }
  if (kind === 'Guest') {
    const of = owner === undefined ? `guest/${object}` : owner.toLowerCase();
    return [
      `Apply the manifests of ${of} in the project ${project}: a guest of the same image takes it over by itself. Or name one: containr adopt ${vmid} --as guest/NAME`,
      `${remove}${loss}`,
    ];
  }
  return [`${remove}${loss}`];
}
