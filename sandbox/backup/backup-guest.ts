import { statSync, writeFileSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Cluster } from '../cluster/cluster.ts';
import { formatConfig } from '../guests/config-text.ts';
import { messageOf } from '../guests/create-guest.ts';
import { machineOf } from '../guests/guest-machine.ts';
import type { Guest } from '../guests/guest-store.ts';
import { mountedVolumes, type GuestVolume } from '../guests/guest-volumes.ts';
import { refuseLocked } from '../guests/power-guest.ts';
import { runCommand } from '../lxc/run-command.ts';
import { Refusal } from '../refusal.ts';
import type { DirectoryStorage } from '../storage/directory-storage.ts';
import type { TaskContext } from '../tasks/task.ts';
import { backupSuffix, writeBackup, type BackupCompression, type BackupPart } from './backup-archive.ts';
import { pruneBackups } from './prune-backups.ts';

export type BackupMode = 'snapshot' | 'suspend' | 'stop';

/** One call of vzdump. */
export interface BackupJob {
  node: string;
  vmids: readonly number[];
  storage: DirectoryStorage;
  mode: BackupMode;
  compression: BackupCompression;
  notesTemplate: string | undefined;
  protect: boolean;
  /** Backups of the guest that stay; undefined: all. */
  keepLast: number | undefined;
  stopWaitMinutes: number;
}

/** Backs up one guest after the other. Ends with an error when one failed; the reasons are in the log only. */
export async function backUpGuests(cluster: Cluster, job: BackupJob, task: TaskContext): Promise<void> {
  let failed = false;
  for (const vmid of job.vmids) {
    const started = cluster.now();
    const lines: string[] = [];
    const log = (line: string): void => {
      lines.push(line);
      task.log(`INFO: ${line}`);
    };
    try {
      const guest = cluster.guests.find(vmid);
      if (guest?.node !== job.node) throw new Refusal(`unable to find VM '${vmid}'`);
      log(`Starting Backup of VM ${vmid} (lxc)`);
      log(`Backup started at ${timeOf(started)}`);
      await backUpGuest(cluster, job, guest, lines, log, task);
      const seconds = Math.round((cluster.now() - started) / 1000);
      log(`Finished Backup of VM ${vmid} (${clock(seconds)})`);
      log(`Backup finished at ${timeOf(cluster.now())}`);
    } catch (error) {
      if (task.signal.aborted) throw error;
      failed = true;
      task.log(`ERROR: Backup of VM ${vmid} failed - ${messageOf(error)}`);
      log(`Failed at ${timeOf(cluster.now())}`);
    }
  }
  task.log(`INFO: Backup job finished ${failed ? 'with errors' : 'successfully'}`);
  if (failed) throw new Refusal('job errors');
}

async function backUpGuest(
  cluster: Cluster,
  job: BackupJob,
  guest: Guest,
  lines: string[],
  log: (line: string) => void,
  task: TaskContext,
): Promise<void> {
  const { vmid, node } = guest;
  const wasRunning = cluster.engine.isRunning(vmid);
  log(`status = ${wasRunning ? 'running' : 'stopped'}`);
  await cluster.locks.hold(
    vmid,
    () => {
      refuseLocked(cluster.guests.get(vmid, node));
      cluster.guests.update(vmid, ({ options }) => options.set('lock', 'backup'));
    },
    task,
  );
  try {
    await task.takeTime();
    const name = `vzdump-lxc-${vmid}-${stampOf(cluster.now())}`;
    const file = `backup/${name}.${backupSuffix(job.compression)}`;
    const included = describe(guest, wasRunning, job, name, log);
    if (wasRunning && job.mode === 'stop') {
      log('stopping virtual guest');
      await stop(cluster, vmid, job.stopWaitMinutes);
    }
    await archive(cluster, job, guest, included, file, log);
    if (wasRunning && job.mode === 'stop') {
      log('restarting vm');
      await cluster.engine.start(machineOf(cluster.guests.get(vmid, node), cluster.storages, cluster.settings.cores));
      log('guest is online again after 1 seconds');
    }
    finish(cluster, job, guest, file, lines, log);
  } finally {
    await task.stillAlive();
    cluster.guests.update(vmid, ({ options }) => options.delete('lock'));
  }
}

/** Says what will be done. Returns the volumes that go into the backup. */
function describe(
  guest: Guest,
  wasRunning: boolean,
  { mode, storage }: BackupJob,
  name: string,
  log: (line: string) => void,
): GuestVolume[] {
  const hostname = guest.config.options.get('hostname') ?? `CT${guest.vmid}`;
  const volumes = mountedVolumes(guest.config.options);
  const included = volumes.filter(({ key, properties }) => key === 'rootfs' || properties.get('backup') === '1');
  const what = (): void => {
    log(`CT Name: ${hostname}`);
    for (const { key, properties } of volumes) {
      const path = properties.get('mp') ?? '/';
      if (included.some((volume) => volume.key === key)) log(`including mount point ${key} ('${path}') in backup`);
      else log(`excluding volume mount point ${key} ('${path}') from backup (disabled)`);
    }
  };
  if (wasRunning && mode === 'snapshot') {
    what();
    log('mode failure - some volumes do not support snapshots');
    log("trying 'suspend' mode instead");
  }
  const used = !wasRunning || mode === 'stop' ? 'stop' : 'suspend';
  log(`backup mode: ${used}`);
  log('ionice priority: 7');
  what();
  if (used === 'suspend') {
    const target = `${storage.definition.shownPath}/dump/${name}.tmp`;
    log(`starting first sync /proc/1/root/ to ${target}`);
    log('first sync finished - transferred 1.98M bytes in 1s');
    log('suspending guest');
    log(`starting final sync /proc/1/root/ to ${target}`);
    log('final sync finished - transferred 0 bytes in 0s');
    log('resuming guest');
    log('guest is online again after <1 seconds');
  }
  return included;
}

async function stop(cluster: Cluster, vmid: number, waitMinutes: number): Promise<void> {
  const stopped = await cluster.engine.shutdown(vmid, waitMinutes * 60_000);
  if (!stopped) throw new Refusal('container did not stop');
}

async function archive(
  cluster: Cluster,
  { storage, compression }: BackupJob,
  guest: Guest,
  included: readonly GuestVolume[],
  file: string,
  log: (line: string) => void,
): Promise<void> {
  const path = storage.pathOf(file);
  log(`creating vzdump archive '${storage.shownPathOf(file)}'`);
  const live = included.map(({ properties }) => {
    const { storage: source, name } = cluster.storages.find(properties.get('volume') ?? '', guest.node);
    return { folder: source.pathOf(name), mountPath: properties.get('mp') ?? '/' };
  });
  const draft = path.replace(/\.tar/, '.dat.tar');
  const copies = path.replace(/\.tar(\.\w+)?$/, '.tmp');
  try {
    const parts = await standingStill(cluster, guest.vmid, live, copies);
    const bytes = await writeBackup(draft, { configText: backedUpConfig(guest), parts }, compression);
    storage.reserve(statSync(draft).size);
    log(`Total bytes written: ${bytes} (${Math.max(1, Math.ceil(bytes / 1024 ** 2))}MiB, 100MiB/s)`);
    await rename(draft, path);
  } finally {
    await rm(draft, { force: true });
    await rm(copies, { recursive: true, force: true });
  }
  log(`archive file size: ${Math.max(1, Math.floor(statSync(path).size / 1024 ** 2))}MB`);
}

/** The folders as they are at one moment: of a guest that runs, copies that are made while it is suspended. */
async function standingStill(
  { engine }: Cluster,
  vmid: number,
  live: readonly BackupPart[],
  copies: string,
): Promise<readonly BackupPart[]> {
  const { whileFrozen } = engine;
  if (!engine.isRunning(vmid) || !whileFrozen) return live;
  await mkdir(copies, { recursive: true });
  const parts = live.map((part, index) => ({ ...part, from: part.folder, folder: join(copies, String(index)) }));
  await whileFrozen.call(engine, vmid, async () => {
    for (const { from, folder } of parts) {
      const { code, stderr } = await runCommand('cp', ['-a', from, folder], { timeoutMs: 600_000 });
      if (code !== 0) throw new Refusal(`command 'rsync' failed: ${stderr.trim()}`);
    }
  });
  return parts;
}

function finish(
  cluster: Cluster,
  job: BackupJob,
  guest: Guest,
  file: string,
  lines: readonly string[],
  log: (line: string) => void,
): void {
  const { storage, notesTemplate, protect, keepLast, node } = job;
  const path = storage.pathOf(file);
  if (notesTemplate !== undefined) {
    log('adding notes to backup');
    writeFileSync(`${path}.notes`, fillTemplate(notesTemplate, guest, node));
  }
  if (protect) {
    log('marking backup as protected');
    writeFileSync(`${path}.protected`, '');
  }
  if (keepLast !== undefined) {
    log(`prune older backups with retention: keep-last=${keepLast}`);
    const removed = pruneBackups(storage, guest.vmid, keepLast, log);
    log(`pruned ${removed} backup(s)`);
  }
  writeFileSync(
    path.replace(/\.tar(\.\w+)?$/, '.log'),
    lines.map((line) => `${timeOf(cluster.now())} INFO: ${line}\n`).join(''),
  );
}

/** The config as it goes into the archive: without lock, snapshots and what is pending. */
function backedUpConfig({ config }: Guest): string {
  const options = new Map(config.options);
  options.delete('lock');
  return formatConfig({ ...config, options, pending: new Map(), pendingDelete: new Map(), snapshots: new Map() });
}

function fillTemplate(template: string, { vmid, config }: Guest, node: string): string {
  const values: Readonly<Record<string, string>> = {
    guestname: config.options.get('hostname') ?? `CT${vmid}`,
    vmid: String(vmid),
    node,
    cluster: 'sandbox',
  };
  return template.replaceAll(/\{\{(\w+)\}\}/g, (whole, name: string) => values[name] ?? whole);
}

function timeOf(ms: number): string {
  const [day = '', time = ''] = stampOf(ms).split('-');
  return `${day.replaceAll('_', '-')} ${time.replaceAll('_', ':')}`;
}

/** `2026_01_31-12_00_00`, local time. */
function stampOf(ms: number): string {
  const date = new Date(ms);
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join('_');
  return `${day}-${[two(date.getHours()), two(date.getMinutes()), two(date.getSeconds())].join('_')}`;
}

function clock(seconds: number): string {
  return new Date(seconds * 1000).toISOString().slice(11, 19);
}
