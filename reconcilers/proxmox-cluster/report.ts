import { setCondition, type ConditionInput } from '../../crds/condition.ts';
import type { ProxmoxCluster } from '../../crds/proxmox-cluster.ts';
import type { ClusterResources, ListedStorage } from '../providers/proxmox/client.ts';
import { orphansCondition, reportOrphans, type OrphanFacts } from './orphans.ts';

/** What a look at a cluster found. */
export interface ClusterFacts {
  version: string;
  release: string;
  quorate: boolean | undefined;
  resources: ClusterResources;
  /** Bridges by node, for the nodes that were asked. */
  bridges: ReadonlyMap<string, readonly string[]>;
  missingPrivileges: readonly string[];
  /** Undefined when nobody can tell. */
  orphans: OrphanFacts | undefined;
}

/** The status as the facts have it: the first trouble is the reason why the cluster is not ready. Pure. */
export function reportCluster(
  cluster: ProxmoxCluster,
  status: ProxmoxCluster['status'],
  facts: ClusterFacts,
  now: Date,
): ProxmoxCluster['status'] {
  const { nodes, guests } = facts.resources;
  const { from, to } = cluster.spec.vmidRange;
  const trouble = troubleIn(cluster.spec, facts);
  const ready: ConditionInput = trouble ?? {
    type: 'Ready',
    status: 'True',
    reason: 'Connected',
    message: 'The cluster answers and the token has what is needed.',
  };
  const { quorate: _, ...rest } = status;
  const orphans = facts.orphans && reportOrphans(status.orphans, facts.orphans, now);
  const at = { generation: cluster.metadata.generation, now };
  const conditions = orphans ? setCondition(status.conditions, orphansCondition(orphans), at) : status.conditions;
  return {
    ...rest,
    version: facts.version,
    ...(facts.quorate !== undefined && { quorate: facts.quorate }),
    nodes: nodes
      .map((node) => ({
        name: node.node,
        online: node.online,
        cpu: node.maxCpu,
        memoryBytes: node.maxMemoryBytes,
        memoryUsedBytes: roughly(node.memoryBytes),
        storages: storagesOf(node.node, cluster.spec.storages, facts.resources.storages),
      }))
      .sort((a, b) => (a.name < b.name ? -1 : 1)),
    nodesOnline: nodes.filter(({ online }) => online).length,
    guests: guests.filter(({ vmid }) => vmid >= from && vmid <= to).length,
    ...orphans,
    conditions: setCondition(conditions, ready, at),
  };
}

/** What keeps guests from being made here, worst first; each says what to do. Pure. */
export function troubleIn(spec: ProxmoxCluster['spec'], facts: ClusterFacts): ConditionInput | undefined {
  const no = (reason: ConditionInput['reason'], message: string): ConditionInput => ({
    type: 'Ready',
    status: 'False',
    reason,
    message,
  });
  const { nodes, storages } = facts.resources;
  if (compareVersions(facts.release, '9.1') < 0) {
    return no(
      'VersionUnsupported',
      `Proxmox VE ${facts.version} cannot make containers from OCI images. Upgrade to 9.1 or newer.`,
    );
  }
  if (facts.missingPrivileges.length > 0) {
    return no('PrivilegeMissing', `The API token lacks privileges. Grant: ${facts.missingPrivileges.join('; ')}`);
  }
  if (facts.quorate === false)
    return no('ClusterNotQuorate', 'The cluster has no quorum; nothing is changed until it has.');

  const wanted = [...new Set(spec.regions.flatMap((region) => region.nodes))];
  const unknown = wanted.filter((name) => !nodes.some(({ node }) => node === name));
  if (unknown.length > 0) {
    return no(
      'NodeMissing',
      `Not in the cluster: ${unknown.join(', ')}. It has ${nodes.map(({ node }) => node).join(', ')}. Correct spec.regions.`,
    );
  }
  const online = wanted.filter((name) => nodes.some(({ node, online: up }) => node === name && up));
  for (const [use, storage, content] of [
    ['rootfs', spec.storages.rootfs, 'rootdir'],
    ['templates', spec.storages.templates, 'vztmpl'],
  ] as const) {
    const lacking = online.filter(
      (name) => !storages.some((row) => row.node === name && row.storage === storage && row.available),
    );
    if (lacking.length > 0)
      return no(
        'StorageMissing',
        `Storage "${storage}" (spec.storages.${use}) is not available on ${lacking.join(', ')}.`,
      );
    const unfit = storages.find(
      (row) => row.storage === storage && online.includes(row.node) && !row.content.includes(content),
    );
    if (unfit)
      return no(
        'StorageMissing',
        `Storage "${storage}" does not take ${use}. Allow it: pvesm set ${storage} --content ${[...unfit.content, content].join(',')}`,
      );
  }
  const without = online.filter(
    (name) => facts.bridges.has(name) && !facts.bridges.get(name)?.includes(spec.network.bridge),
  );
  if (without.length > 0)
    return no(
      'BridgeMissing',
      `Bridge "${spec.network.bridge}" does not exist on ${without.join(', ')}. Correct spec.network.bridge.`,
    );
  return undefined;
}

/** The room for root disks and templates on a node, by name. */
function storagesOf(
  node: string,
  { rootfs, templates }: ProxmoxCluster['spec']['storages'],
  storages: readonly ListedStorage[],
): ProxmoxCluster['status']['nodes'][number]['storages'] {
  return storages
    .filter((row) => row.node === node && row.available && (row.storage === rootfs || row.storage === templates))
    .map(({ storage, totalBytes, usedBytes }) => ({
      name: storage,
      totalBytes,
      freeBytes: roughly(Math.max(0, totalBytes - usedBytes)),
    }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Usage moves all the time; a status that moved with it would never be quiet. */
function roughly(bytes: number): number {
  return Math.round(bytes / 2 ** 28) * 2 ** 28;
}

function compareVersions(a: string, b: string): number {
  const [left, right] = [a, b].map((text) => text.split('.').map(Number));
  for (let index = 0; index < 2; index += 1) {
    const difference = (left?.[index] ?? 0) - (right?.[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
