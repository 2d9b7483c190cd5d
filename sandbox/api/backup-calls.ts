import { backUpGuests, type BackupJob, type BackupMode } from '../backup/backup-guest.ts';
import { readBackupConfig, type BackupCompression } from '../backup/backup-archive.ts';
import { requireAll } from '../access/permission.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { invalidParameters, Refusal } from '../refusal.ts';
import type { Arguments } from '../schema/arguments.ts';
import { splitList } from '../schema/formats.ts';
import type { DirectoryStorage } from '../storage/directory-storage.ts';
import { nodeParameter, type Call, type CallContext } from './call.ts';
import { checkVolumeAccess } from './volume-access.ts';

const flag = { type: 'boolean', optional: true } as const;
const text = { type: 'string', optional: true } as const;
const whole = { type: 'integer', minimum: 0, optional: true } as const;
const modes = ['snapshot', 'suspend', 'stop'] as const;

/** Taking backups and looking into them. */
export const backupCalls: readonly Call[] = [
  {
    method: 'POST',
    path: '/nodes/{node}/vzdump',
    protected: true,
    proxied: true,
    permission: { user: 'all' },
    parameters: {
      ...nodeParameter,
      all: flag,
      bwlimit: whole,
      compress: { type: 'string', enum: ['0', '1', 'gzip', 'lzo', 'zstd'], optional: true },
      dumpdir: text,
      exclude: { type: 'string', format: 'pve-vmid-list', optional: true },
      'exclude-path': { type: 'array', optional: true },
      fleecing: { type: 'string', format: 'backup-fleecing', optional: true },
      ionice: { type: 'integer', minimum: 0, maximum: 8, optional: true },
      'job-id': { type: 'string', pattern: /^\S+$/, maxLength: 50, optional: true },
      lockwait: whole,
      mailnotification: { type: 'string', enum: ['always', 'failure'], optional: true },
      mailto: { type: 'string', format: 'email-or-username-list', optional: true },
      maxfiles: { type: 'integer', minimum: 1, optional: true },
      mode: { type: 'string', enum: modes, optional: true },
      'notes-template': { type: 'string', maxLength: 1024, optional: true, requires: 'storage' },
      'notification-mode': { type: 'string', enum: ['auto', 'legacy-sendmail', 'notification-system'], optional: true },
      'pbs-change-detection-mode': { type: 'string', enum: ['legacy', 'data', 'metadata'], optional: true },
      performance: { type: 'string', format: 'backup-performance', optional: true },
      pigz: { type: 'integer', optional: true },
      pool: text,
      protected: { type: 'boolean', optional: true, requires: 'storage' },
      'prune-backups': { type: 'string', format: 'prune-backups', optional: true },
      quiet: flag,
      remove: flag,
      script: text,
      stdexcludes: flag,
      stdout: flag,
      stop: flag,
      stopwait: whole,
      storage: { type: 'string', format: 'pve-storage-id', optional: true },
      tmpdir: text,
      vmid: { type: 'string', format: 'pve-vmid-list', optional: true },
      zstd: { type: 'integer', optional: true },
    },
    handle: startBackup,
  },
  {
    method: 'GET',
    path: '/nodes/{node}/vzdump/extractconfig',
    protected: true,
    proxied: true,
    permission: { user: 'all' },
    parameters: { ...nodeParameter, volume: { type: 'string' } },
    handle: async ({ cluster, identity, args, node }) => {
      const volid = args.required('volume');
      checkVolumeAccess(cluster, identity, node, undefined, volid, 'backup');
      const { storage, name } = cluster.storages.find(volid, node);
      if (!storage.has(name)) throw new Refusal(`volume '${volid}' does not exist`);
      return readBackupConfig(storage.pathOf(name));
    },
  },
];

function startBackup(context: CallContext): string {
  const { cluster, identity, args, node } = context;
  checkRights(context);
  const vmids = chooseGuests(context);
  if (vmids.length === 0) return 'OK';
  const storageName = args.text('storage') ?? 'local';
  const command = commandLine(vmids, args, node);
  return cluster.tasks.start({
    node,
    type: 'vzdump',
    id: vmids.length === 1 ? String(vmids[0]) : '',
    user: identity.id,
    work: async (task) => {
      const storage = findTarget(cluster, storageName, node);
      for (const vmid of vmids) {
        if (cluster.guests.find(vmid)) requireAll(cluster.access, identity, `/vms/${vmid}`, ['VM.Backup']);
      }
      task.log(`INFO: starting new backup job: vzdump ${command}`);
      await cluster.node(node).backupLock.run(() => backUpGuests(cluster, jobOf(args, node, vmids, storage), task));
    },
  });
}

function checkRights({ cluster, identity, args }: CallContext): void {
  const { access } = cluster;
  const rootOnly = ['tmpdir', 'dumpdir', 'script', 'job-id'].find((name) => args.has(name));
  if (rootOnly !== undefined && identity.id !== 'root@pam') {
    throw invalidParameters({ [rootOnly]: 'Only root may set this option.' });
  }
  if (['bwlimit', 'ionice', 'performance'].some((name) => args.has(name))) {
    requireAll(access, identity, '/', ['Sys.Modify']);
  }
  const path = `/storage/${args.text('storage') ?? 'local'}`;
  requireAll(access, identity, path, ['Datastore.AllocateSpace']);
  if (args.has('prune-backups')) requireAll(access, identity, path, ['Datastore.Allocate']);
}

/** Guests of other nodes are left to those; an unknown one is tried, and fails. */
function chooseGuests({ cluster, identity, args, node }: CallContext): number[] {
  const named = splitList(args.text('vmid') ?? '').map(Number);
  const pool = args.text('pool');
  if (!args.flag('all') && pool === undefined) {
    if (named.length === 0) throw invalidParameters({ vmid: 'property is missing' });
    return named.filter((vmid) => (cluster.guests.find(vmid)?.node ?? node) === node);
  }
  const excluded = splitList(args.text('exclude') ?? '').map(Number);
  return [...cluster.guests.all()]
    .filter((guest) => guest.node === node && !excluded.includes(guest.vmid))
    .filter(({ vmid }) => pool === undefined || cluster.access.poolOf(vmid) === pool)
    .filter(({ vmid }) => cluster.access.has(identity, `/vms/${vmid}`, 'VM.Backup'))
    .map(({ vmid }) => vmid);
}

function findTarget(cluster: Cluster, name: string, node: string): DirectoryStorage {
  const prefix = `could not get storage information for '${name}':`;
  let storage: DirectoryStorage;
  try {
    storage = cluster.storages.enabled(name, node);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Refusal(`could not activate storage '${name}': ${why}\n${prefix} ${why}`);
  }
  if (!storage.definition.content.includes('backup')) {
    throw new Refusal(`${prefix} can't use storage '${name}' for backups - wrong content type`);
  }
  return storage;
}

function jobOf(args: Arguments, node: string, vmids: readonly number[], storage: DirectoryStorage): BackupJob {
  return {
    node,
    vmids,
    storage,
    mode: modeOf(args.text('mode')),
    compression: compressionOf(args.text('compress') ?? '0'),
    notesTemplate: args.text('notes-template'),
    protect: args.flag('protected'),
    keepLast: args.text('remove') === '0' ? undefined : keepLastOf(args.text('prune-backups')),
    stopWaitMinutes: args.number('stopwait') ?? 10,
  };
}

function modeOf(mode: string | undefined): BackupMode {
  return modes.find((known) => known === mode) ?? 'snapshot';
}

function compressionOf(compress: string): BackupCompression {
  switch (compress) {
    case '0':
      return 'none';
    case 'gzip':
      return 'gzip';
    case 'zstd':
      return 'zstd';
    default:
      throw new Refusal("command 'lzop' failed: No such file or directory");
  }
}

/** Only `keep-last` is heeded alone; with calendar rules beside it, nothing is removed. */
function keepLastOf(prune: string | undefined): number | undefined {
  const last = /^keep-last=(\d+)$/.exec(prune ?? '')?.[1];
  return last === undefined ? undefined : Number(last);
}

function commandLine(vmids: readonly number[], args: Arguments, node: string): string {
  const options = [...args.without('vmid', 'node')].map(([name, value]) => `--${name} ${quote(value)}`);
  return [vmids.join(' '), ...options, `--node ${node}`].join(' ');
}

function quote(value: string): string {
  return /^[\w.,:/-]+$/.test(value) ? value : `'${value}'`;
}
