import { randomUUID } from 'node:crypto';
import { ADOPT_PREFIX } from '../../crds/meta.ts';
import type { ApiClient } from '../client.ts';
import { CliError } from '../exit.ts';
import { kindNamed, placeOf, readTargets, targetName, type PlacedTarget } from '../kind-names.ts';
import { adviceFor, listOrphans, type Orphan } from '../orphans.ts';
import { plainLine, type Say } from '../text.ts';
import { waitFor } from '../wait-for.ts';

export interface AdoptFlags {
  as?: string;
  cluster?: string;
  namespace?: string;
  timeout: number;
}

/**
 * Has an object take over a guest that belongs to none: a Volume, made if need be, its keeper; a Guest that was not made yet
 * one of the same project and image. Waits until it has. Nothing on Proxmox is made, moved or destroyed by it.
 */
export async function adopt(client: ApiClient, vmid: number, flags: AdoptFlags, say: Say): Promise<void> {
  const orphan = await orphanAt(client, vmid, flags.cluster);
  const target = targetOf(orphan, flags);
  const object = await client.find(target);
  if (orphan.kind === 'Guest' && !object) {
    const [first = ''] = adviceFor(orphan);
    throw new CliError('notFound', `There is no ${targetName(target)} in ${target.namespace}. ${first}`, [NOTHING]);
  }
  const has = orphan.kind === 'Volume' ? object?.status?.['volid'] : object?.status?.['created'];
  if (has !== undefined && has !== false) {
    const own = orphan.kind === 'Volume' ? `the disk ${String(has)}` : `guest ${String(object?.status?.['vmid'])}`;
    const hint = `Name another object with --as, or delete this one first.`;
    throw new CliError('conflict', `${targetName(target)} has ${own} already. ${hint}`, [NOTHING]);
  }

  const cluster = { kind: kindNamed('ProxmoxCluster'), name: orphan.cluster, namespace: undefined };
  const grant = `${ADOPT_PREFIX}${vmid}`;
  const said = `${target.kind.singular}/${target.namespace}/${target.name}`;
  await client.patch(cluster, { metadata: { annotations: { [grant]: said } } });
  try {
    if (object) await look(client, target);
    else await client.create(target.kind, volumeManifest(target, orphan));
    const goal = orphan.kind === 'Volume' ? '{.status.volid}' : '{.status.created}';
    await waitFor(
      client,
      target,
      { type: 'jsonpath', path: goal, value: orphan.kind === 'Volume' ? undefined : 'true' },
      { timeoutMs: flags.timeout, evenIfStalled: true },
    );
  } finally {
    await client.patch(cluster, { metadata: { annotations: { [grant]: null } } });
  }
  const after = await client.get(target);
  if (after.status?.['vmid'] !== vmid)
    throw new CliError('negative', `${targetName(target)} has another guest than ${vmid}; that one was left alone.`);
  say(`${targetName(target)} has taken over guest ${vmid}`);
}

const NOTHING = 'Nothing was changed.';

async function orphanAt(client: ApiClient, vmid: number, cluster: string | undefined): Promise<Orphan> {
  const { orphans } = await listOrphans(client);
  const found = orphans.filter(
    (orphan) => orphan.vmid === vmid && (cluster === undefined || orphan.cluster === cluster),
  );
  const [orphan, second] = found;
  if (!orphan) {
    throw new CliError('notFound', `Guest ${vmid} is not among those that carry our marks and belong to no object.`, [
      'A guest that Containr did not make cannot be taken over: its root disk is of no image, and no supervisor is in it. To use its data, give a volume of it to a guest of ours: pct move-volume.',
      'See: containr orphans. The list is made anew once a minute.',
    ]);
  }
  if (second) {
    const clusters = found.map((one) => one.cluster).join(', ');
    throw new CliError('usage', `There is a guest ${vmid} on several clusters: ${clusters}. Name one with --cluster.`);
  }
  if (orphan.kind === undefined || orphan.project === undefined)
    throw new CliError('conflict', `Guest ${vmid} cannot be taken over. ${plainLine(orphan.why)}`, [
      ...adviceFor(orphan),
      NOTHING,
    ]);
  return orphan;
}

/** Of the project that it was made in: nobody's data go to another one. */
function targetOf({ vmid, kind: word = 'Guest', project, object = '' }: Orphan, flags: AdoptFlags): PlacedTarget {
  const [named] = flags.as === undefined ? [] : readTargets([flags.as]);
  const kind = kindNamed(word);
  if (named && named.kind !== kind)
    throw new CliError('usage', `Guest ${vmid} was made for a ${word}: use --as ${kind.singular}/NAME.`);
  if (flags.namespace !== undefined && flags.namespace !== project)
    throw new CliError('conflict', `Guest ${vmid} is of the project ${project} and goes to no other.`, [NOTHING]);
  return { kind, name: named?.name ?? object, namespace: placeOf(kind, project) };
}

async function look(client: ApiClient, target: PlacedTarget): Promise<void> {
  const token = `${new Date().toISOString()} ${randomUUID()}`;
  await client.patch(target, { metadata: { annotations: { 'containr.dev/reconcile-requested-at': token } } });
}

function volumeManifest({ name, namespace }: PlacedTarget, { volumes }: Orphan): Parameters<ApiClient['create']>[1] {
  const [volume] = volumes;
  return {
    apiVersion: 'containr.dev/v1alpha1',
    kind: 'Volume',
    metadata: { name, ...(namespace !== undefined && { namespace }) },
    spec: { ...(volume?.size !== undefined && { size: `${volume.size.replace(/[KMGT]$/, '$&i')}` }) },
  };
}
