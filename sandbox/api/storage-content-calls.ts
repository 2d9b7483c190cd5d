import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { requireAll } from '../access/permission.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { Refusal } from '../refusal.ts';
import { parseVolumeId } from '../schema/storage-id.ts';
import { usedOf, type DirectoryStorage, type StorageFile, type Volume } from '../storage/directory-storage.ts';
import { parseVolumeName } from '../storage/volume-name.ts';
import { nodeParameter, storageParameters, vmidParameter, type Call, type CallContext } from './call.ts';
import { checkVolumeAccess } from './volume-access.ts';

const contentPath = '/nodes/{node}/storage/{storage}/content';
const volumeParameters = {
  ...nodeParameter,
  storage: { type: 'string', format: 'pve-storage-id', optional: true },
  volume: { type: 'string' },
} as const;
const contents = ['vztmpl', 'iso', 'backup', 'snippets', 'import'] as const;

/** What lies on a storage: listing, looking, notes, removing. */
export const storageContentCalls: readonly Call[] = [
  {
    method: 'GET',
    path: contentPath,
    protected: true,
    proxied: true,
    permission: {
      path: '/storage/{storage}',
      privileges: ['Datastore.Audit', 'Datastore.AllocateSpace'],
      any: true,
    },
    parameters: {
      ...storageParameters,
      content: { type: 'string', format: 'pve-storage-content', optional: true },
      vmid: { ...vmidParameter, optional: true },
    },
    handle: listContent,
  },
  {
    method: 'GET',
    path: `${contentPath}/{volume}`,
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
    path: `${contentPath}/{volume}`,
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
    path: `${contentPath}/{volume}`,
    protected: true,
    proxied: true,
    permission: { user: 'all' },
    parameters: { ...volumeParameters, delay: { type: 'integer', minimum: 1, maximum: 30, optional: true } },
    handle: deleteVolume,
  },
];

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
