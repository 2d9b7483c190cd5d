import { rm } from 'node:fs/promises';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import type { Cluster } from '../cluster/cluster.ts';
import { requireAll } from '../access/permission.ts';
import type { Permission } from '../access/permission.ts';
import { invalidParameters, Refusal } from '../refusal.ts';
import { splitList } from '../schema/formats.ts';
import { parseVolumeId } from '../schema/storage-id.ts';
import { usedOf, type DirectoryStorage, type StorageFile, type Volume } from '../storage/directory-storage.ts';
import type { StorageDefinition } from '../storage/storage-definition.ts';
import { parseVolumeName } from '../storage/volume-name.ts';
import { maySeeStorage } from './cluster-resources.ts';
import { nodeParameter, storageParameters, vmidParameter, type Call, type CallContext } from './call.ts';
import { checkVolumeAccess } from './volume-access.ts';

const storagePath = '/nodes/{node}/storage/{storage}';
const mayLook: Permission = {
  path: '/storage/{storage}',
  privileges: ['Datastore.Audit', 'Datastore.AllocateSpace'],
  any: true,
};
const volumeParameters = {
  ...nodeParameter,
  storage: { type: 'string', format: 'pve-storage-id', optional: true },
  volume: { type: 'string' },
} as const;
const storageTypes = 'btrfs cephfs cifs dir esxi iscsi iscsidirect lvm lvmthin nfs pbs rbd zfs zfspool'.split(' ');
const contents = ['vztmpl', 'iso', 'backup', 'snippets', 'import'] as const;

/** Storages and what lies on them. */
export const storageCalls: readonly Call[] = [
  {
    method: 'GET',
    path: '/storage',
    permission: { user: 'all' },
    parameters: { type: { type: 'string', enum: storageTypes, optional: true } },
    handle: ({ cluster, identity, args }) =>
      cluster.storages
        .definitions()
        .filter(({ type }) => (args.text('type') ?? type) === type)
        .filter(({ name }) => maySeeStorage(cluster, identity, name))
        .map(configOf),
  },
  {
    method: 'GET',
    path: '/storage/{storage}',
    permission: { path: '/storage/{storage}', privileges: ['Datastore.Allocate'] },
    parameters: { storage: { type: 'string', format: 'pve-storage-id' } },
    handle: ({ cluster, args }) => configOf(cluster.storages.definition(args.required('storage'))),
  },
  {
    method: 'GET',
    path: '/nodes/{node}/storage',
    protected: true,
    proxied: true,
    permission: { user: 'all' },
    parameters: {
      ...nodeParameter,
      content: { type: 'string', format: 'pve-storage-content-list', optional: true },
      enabled: { type: 'boolean', optional: true },
      format: { type: 'boolean', optional: true },
      storage: { type: 'string', format: 'pve-storage-id', optional: true },
      target: { type: 'string', format: 'pve-node', optional: true },
    },
    handle: listStorages,
  },
  {
    method: 'GET',
    path: `${storagePath}/status`,
    protected: true,
    proxied: true,
    permission: mayLook,
    parameters: storageParameters,
    handle: ({ cluster, args, node }) => {
      const name = args.required('storage');
      const definition = cluster.storages.definitions().find((known) => known.name === name);
      if (!definition) throw invalidParameters({ storage: 'No such storage.' });
      return statusOf(cluster, definition, node);
    },
  },
  {
    method: 'GET',
    path: `${storagePath}/content`,
    protected: true,
    proxied: true,
    permission: mayLook,
    parameters: {
      ...storageParameters,
      content: { type: 'string', format: 'pve-storage-content', optional: true },
      vmid: { ...vmidParameter, optional: true },
    },
    handle: listContent,
  },
  {
    method: 'GET',
    path: `${storagePath}/content/{volume}`,
    protected: true,
    proxied: true,
    permission: { user: 'all' },
    parameters: volumeParameters,
    handle: (context) => {
      const { storage, name, volid } = findVolume(context);
      checkVolumeAccess(context.cluster, context.identity, context.node, undefined, volid);
      const file = storage.file(name);
      const volume = storage.volume(name);
      if (!file && !volume) throw new Refusal(`volume_size_info on '${volid}' failed - no format`);
      const size = volume?.sizeBytes ?? file?.sizeBytes ?? 0;
      const used = volume ? usedOf(volume) : Math.ceil(size / 4096) * 4096;
      return { path: storage.shownPathOf(name), size, used, format: 'raw', ...backupNotes(storage, name) };
    },
  },
  {
    method: 'PUT',
    path: `${storagePath}/content/{volume}`,
    protected: true,
    proxied: true,
    permission: { user: 'all' },
    parameters: {
      ...volumeParameters,
      notes: { type: 'string', optional: true },
      protected: { type: 'boolean', optional: true },
    },
    handle: (context) => {
      const { storage, name, volid } = findVolume(context);
      checkVolumeAccess(context.cluster, context.identity, context.node, undefined, volid);
      const path = storage.pathOf(name);
      const notes = context.args.text('notes');
      if (notes !== undefined) writeFileSync(`${path}.notes`, notes);
      if (context.args.flag('protected')) writeFileSync(`${path}.protected`, '');
      else if (context.args.has('protected')) rmSync(`${path}.protected`, { force: true });
    },
  },
  {
    method: 'DELETE',
    path: `${storagePath}/content/{volume}`,
    protected: true,
    proxied: true,
    permission: { user: 'all' },
    parameters: { ...volumeParameters, delay: { type: 'integer', minimum: 1, maximum: 30, optional: true } },
    handle: deleteVolume,
  },
];

function listStorages({ cluster, identity, args, node }: CallContext): unknown[] {
  const wanted = splitList(args.text('content') ?? '');
  return cluster.storages
    .definitions()
    .filter(({ name }) => (args.text('storage') ?? name) === name)
    .filter(({ name }) => maySeeStorage(cluster, identity, name))
    .filter(({ nodes }) => !nodes || nodes.includes(node))
    .filter(({ content }) => wanted.length === 0 || wanted.some((kind) => content.some((known) => known === kind)))
    .filter(({ disabled }) => !disabled || (wanted.length === 0 && !args.flag('enabled')))
    .map((definition) => {
      const status = statusOf(cluster, definition, node);
      const fraction = definition.disabled ? {} : { used_fraction: status.used / (status.total || 1) };
      return { storage: definition.name, ...status, ...fraction };
    });
}

function statusOf(cluster: Cluster, definition: StorageDefinition, node: string) {
  const { name, type, content, shared, disabled } = definition;
  const common = { type, content: content.join(','), shared: shared ? 1 : 0 };
  if (disabled) return { ...common, enabled: 0, active: 0, total: 0, used: 0, avail: 0 };
  const { total, used, available } = cluster.storages.enabled(name, node).space();
  return { ...common, enabled: 1, active: 1, total, used, avail: available };
}

function configOf(definition: StorageDefinition): Record<string, unknown> {
  const { name, type, content, shared, disabled, nodes, shownPath } = definition;
  return {
    storage: name,
    type,
    content: content.join(','),
    path: shownPath,
    digest: createHash('sha1').update(JSON.stringify(definition)).digest('hex'),
    ...(shared && { shared: 1 }),
    ...(disabled && { disable: 1 }),
    ...(nodes && { nodes: nodes.join(',') }),
  };
}

function listContent(context: CallContext): unknown[] {
  const { cluster, args, node } = context;
  const storage = cluster.storages.enabled(args.required('storage'), node);
  const wanted = args.text('content');
  const vmid = args.number('vmid');
  const { content: allowed } = storage.definition;
  const rows: unknown[] = [];
  for (const kind of contents) {
    if (!allowed.includes(kind) || (wanted ?? kind) !== kind) continue;
    for (const file of storage.files(kind)) {
      if (vmid !== undefined && file.volume.owner !== vmid) continue;
      if (isOpen(context, storage, file.name)) rows.push(fileRow(storage, file));
    }
  }
  if (wanted === undefined || wanted === 'rootdir' || wanted === 'images') {
    for (const volume of storage.volumes()) {
      const isListed = (wanted ?? 'rootdir') === 'rootdir' && (vmid ?? volume.vmid) === volume.vmid;
      if (isListed && isOpen(context, storage, volume.name)) rows.push(volumeRow(storage, volume));
    }
  }
  return rows;
}

function isOpen({ cluster, identity, node }: CallContext, { definition }: DirectoryStorage, name: string): boolean {
  try {
    checkVolumeAccess(cluster, identity, node, undefined, `${definition.name}:${name}`);
    return true;
  } catch {
    return false;
  }
}

function fileRow(storage: DirectoryStorage, { name, volume, sizeBytes, changedAt }: StorageFile): unknown {
  return {
    volid: `${storage.definition.name}:${name}`,
    content: volume.content,
    format: volume.format,
    size: sizeBytes,
    ctime: changedAt,
    ...(volume.owner !== undefined && { vmid: volume.owner }),
    ...(volume.content === 'backup' && { subtype: 'lxc', ...backupNotes(storage, name) }),
  };
}

function volumeRow(storage: DirectoryStorage, volume: Volume): unknown {
  return {
    volid: `${storage.definition.name}:${volume.name}`,
    content: 'rootdir',
    format: 'raw',
    size: volume.sizeBytes,
    used: usedOf(volume),
    vmid: volume.vmid,
    ctime: volume.createdAt,
    parent: null,
  };
}

function backupNotes(storage: DirectoryStorage, name: string): { notes?: string; protected?: 1 } {
  if (!name.startsWith('backup/')) return {};
  const path = storage.pathOf(name);
  const notes = existsSync(`${path}.notes`) ? readFileSync(`${path}.notes`, 'utf8') : undefined;
  return {
    ...(notes !== undefined && { notes }),
    ...(existsSync(`${path}.protected`) && { protected: 1 as const }),
  };
}

interface FoundVolume {
  storage: DirectoryStorage;
  name: string;
  volid: string;
}

/** The volume may be named with or without its storage. */
function findVolume({ cluster, args, node }: CallContext): FoundVolume {
  const text = args.required('volume');
  const volid = parseVolumeId(text) ? text : `${args.required('storage')}:${text}`;
  return { ...cluster.storages.find(volid, node), volid };
}

function deleteVolume(context: CallContext): string | Promise<string | null> {
  const { cluster, identity, args, node } = context;
  const { storage, name, volid } = findVolume(context);
  const { owner, content } = parseVolumeName(name);
  const storageName = storage.definition.name;
  const path = `/storage/${storageName}`;
  if (content === 'backup' && owner !== undefined) {
    requireAll(cluster.access, identity, path, ['Datastore.AllocateSpace']);
    requireAll(cluster.access, identity, `/vms/${owner}`, ['VM.Backup']);
  } else {
    requireAll(cluster.access, identity, path, ['Datastore.Allocate']);
  }
  const id = owner === undefined ? storageName : `${owner}@${storageName}`;
  const upid = cluster.tasks.start({
    node,
    type: 'imgdel',
    id,
    user: identity.id,
    work: async (task) => {
      await task.takeTime();
      await removeVolume(cluster, storage, name, (line) => task.log(line));
      task.log(`Removed volume '${volid}'`);
    },
  });
  const delay = args.number('delay');
  return delay === undefined ? upid : unlessDone(cluster, upid, delay * 1000);
}

async function removeVolume(
  cluster: Cluster,
  storage: DirectoryStorage,
  name: string,
  log: (line: string) => void,
): Promise<void> {
  const path = storage.pathOf(name);
  if (storage.volume(name)) {
    await cluster.engine.removeVolume(path);
    storage.forget(name);
    return;
  }
  if (existsSync(`${path}.protected`)) {
    throw new Refusal(`cannot remove protected volume '${name}' on '${storage.definition.name}'`);
  }
  if (!existsSync(path)) log(`disk image '${storage.shownPathOf(name)}' does not exist`);
  await rm(path, { force: true });
  for (const beside of [`${path}.notes`, path.replace(/\.tar(\.\w+)?$/, '.log')]) {
    if (name.startsWith('backup/')) await rm(beside, { force: true });
  }
}

/** Null when the task is through within the time, so that nobody has to follow it. */
async function unlessDone(cluster: Cluster, upid: string, ms: number): Promise<string | null> {
  const until = Date.now() + ms;
  while (Date.now() < until) {
    const end = cluster.tasks.get(upid)?.end;
    if (end?.status === 'OK') return null;
    if (end) throw new Refusal(end.status);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return upid;
}
