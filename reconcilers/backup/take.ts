import { waiting, type Outcome } from '../../controller/outcome.ts';
import type { Reason } from '../../crds/reasons.ts';
import type { StoredBackup, TaskState } from '../providers/proxmox/client.ts';
import { isProxmoxFault, type ProxmoxMeaning } from '../providers/proxmox/fault.ts';
import { backupRefusal } from '../providers/proxmox/refusals.ts';
import { BACKUP_COMMANDS } from '../shared/backup-commands.ts';
import { findArchives, notesOf } from './archives.ts';
import type { StepContext } from './context.ts';
import { fail } from './failure.ts';
import { nextTaking } from './plan.ts';
import { failedWords, runOnce } from './run-command.ts';

const FIRST_LOOK_MS = 200;
const LAST_LOOK_MS = 10_000;
const LOCKED_CHECK_MS = 15_000;
/** A call whose answer was lost has begun its task by then, or never will. */
const ASKED_GRACE_MS = 30_000;
const LOG_LINES = 500;

/** Has the engine make its data ready, and Proxmox copy the guest; one step in a pass. */
export async function take(context: StepContext): Promise<Outcome> {
  const { pass, engines } = context;
  const { engine } = pass.status;
  const facts = Object.entries(engines).find(([name]) => name === engine)?.[1];
  const step = nextTaking(pass.resource.spec, pass.status, facts);
  switch (step.do) {
    case 'prepare':
      return prepare(context, step.command);
    case 'ask':
      return ask(context);
    case 'follow':
      return follow(context, step.upid);
    case 'find':
      return find(context, 'unknown');
    case 'done':
      return waiting('BackupRunning', 'The archive is on the storage.', 0);
    default:
      return step satisfies never;
  }
}

async function prepare(context: StepContext, command: string | undefined): Promise<Outcome> {
  const { pass } = context;
  const { guest: name = '', guestUid: uid = '' } = pass.status;
  if (command !== undefined) {
    const isDump = command === BACKUP_COMMANDS.dump;
    const what = isDump ? 'The engine writes its data out' : 'The engine makes its data ready to be copied';
    const step = await runOnce(context, { uid, name }, command, { reason: 'BackupRunning', what });
    if ('outcome' in step) return step.outcome;
    const { code, sizeBytes, sha256 } = step.run;
    if (code !== 0) return fail(pass, 'DumpFailed', failedWords(name, command, step.run));
    if (isDump && sizeBytes === 0)
      return fail(pass, 'ArchiveEmpty', `The dump of guest ${name} has no bytes, though its command ended well.`);
    if (isDump) pass.status = { ...pass.status, dump: { sizeBytes, checksum: sha256 } };
  }
  pass.status = { ...pass.status, preparedAt: pass.now.toISOString() };
  return waiting('BackupRunning', 'Proxmox is about to copy the guest.', 0);
}

async function ask({ pass, connection, installation }: StepContext): Promise<Outcome> {
  const { node = '', vmid = 0, storage = '' } = pass.status;
  const mode = pass.resource.spec.mode === 'stop' ? 'stop' : 'snapshot';
  pass.status = { ...pass.status, askedAt: pass.now.toISOString() };
  await pass.checkpoint();
  try {
    const wanted = { vmid, storage, mode, notes: notesOf(pass.resource, installation) } as const;
    const upid = await connection.client.backUp(node, wanted, pass.signal);
    return await begin(pass, upid, 'asked');
  } catch (error) {
    if (isProxmoxFault(error, 'absent', 'invalid', 'storageFull', 'backupLimit'))
      return fail(pass, reasonOf(error.meaning), error.message);
    // Nothing was begun: it is asked for anew.
    if (isProxmoxFault(error, 'forbidden', 'unauthenticated', 'noQuorum', 'nodeUnreachable'))
      delete pass.status.askedAt;
    throw error;
  }
}

/** `found` is a task of this guest that may be somebody else's. */
async function begin(pass: StepContext['pass'], upid: string, type: 'asked' | 'found'): Promise<Outcome> {
  pass.status = { ...pass.status, task: { upid, type, startedAt: pass.now.toISOString() } };
  await pass.checkpoint();
  return waiting('BackupRunning', 'Proxmox copies the guest.', FIRST_LOOK_MS);
}

async function follow(context: StepContext, upid: string): Promise<Outcome> {
  const { pass, connection } = context;
  const state = await taskState(context, upid);
  if (state === undefined)
    return waiting('NodeOffline', `Node ${pass.status.node} does not answer; it takes the backup.`, 5_000);
  if (state.status === 'running') {
    const ageMs = pass.now.getTime() - Date.parse(pass.status.task?.startedAt ?? pass.now.toISOString());
    const checkMs = Math.min(LAST_LOOK_MS, Math.max(FIRST_LOOK_MS, ageMs / 8));
    return waiting('BackupRunning', `Proxmox copies guest ${pass.status.vmid}.`, checkMs);
  }
  if (state.status === 'unknown' || pass.status.task?.type === 'found') return find(context, 'unknown');
  if (state.ok) return find(context, 'ended');
  const log = await connection.client.taskLog(upid, LOG_LINES, pass.signal).catch(() => []);
  const { meaning, words } = backupRefusal(log, state.exit);
  const { task: _, ...rest } = pass.status;
  pass.status = rest;
  const message = `Proxmox could not back up guest ${rest.vmid} of node ${rest.node}: ${words}.`;
  if (meaning === 'locked' || meaning === 'busy') {
    delete pass.status.askedAt;
    return waiting('Locked', `${message} It is tried again.`, LOCKED_CHECK_MS);
  }
  return fail(pass, reasonOf(meaning), `${message}${adviceFor(meaning, rest.storage)}`);
}

/** Undefined while the node does not answer. */
async function taskState({ pass, connection }: StepContext, upid: string): Promise<TaskState | undefined> {
  try {
    return await connection.client.task(upid, pass.signal);
  } catch (error) {
    if (isProxmoxFault(error, 'nodeUnreachable')) return undefined;
    throw error;
  }
}

/** Looks for the archive by its notes; where it is not, for the task that makes it. */
async function find(context: StepContext, ended: 'ended' | 'unknown'): Promise<Outcome> {
  const { pass, connection, installation } = context;
  const { node = '', vmid, storage, askedAt } = pass.status;
  const [archive] = await findArchives(
    connection.client,
    { ...pass.resource, status: pass.status },
    installation,
    pass.signal,
  );
  if (archive) return keep(pass, archive);
  if (ended === 'ended')
    return fail(
      pass,
      'ArchiveMissing',
      `Proxmox says that the backup is done, and storage ${storage} does not have it.`,
    );
  const running = await connection.client.runningTasks(node, vmid, pass.signal);
  const task = running.find(({ type, upid }) => type === 'vzdump' && upid !== pass.status.task?.upid);
  if (task) return begin(pass, task.upid, 'found');
  const askedMs = pass.now.getTime() - Date.parse(askedAt ?? pass.now.toISOString());
  if (askedMs < ASKED_GRACE_MS)
    return waiting('BackupRunning', 'Proxmox was asked for the backup; looking for its task.', 2_000);
  const { task: _, askedAt: __, ...rest } = pass.status;
  pass.status = rest;
  return waiting('BackupRunning', 'Nothing came of the backup that was asked for; it is asked for again.', 0);
}

function keep(pass: StepContext['pass'], { volid, sizeBytes, createdSeconds }: StoredBackup): Outcome {
  const { task, ...rest } = pass.status;
  if (sizeBytes === 0) return fail(pass, 'ArchiveEmpty', `The archive ${volid} has no bytes. Check the storage.`);
  const beganAt = task?.startedAt ?? rest.askedAt ?? pass.now.toISOString();
  const seconds = Math.max(1, Math.round((pass.now.getTime() - Date.parse(beganAt)) / 1_000));
  const takenAt = createdSeconds === undefined ? beganAt : new Date(createdSeconds * 1_000).toISOString();
  pass.status = { ...rest, volid, sizeBytes, duration: `${seconds}s`, takenAt };
  return waiting('BackupRunning', `The archive ${volid} is on the storage.`, 0);
}

function reasonOf(meaning: ProxmoxMeaning): Reason {
  if (meaning === 'storageFull') return 'StorageFull';
  return meaning === 'backupLimit' ? 'BackupLimit' : 'BackupFailed';
}

function adviceFor(meaning: ProxmoxMeaning, storage: string | undefined): string {
  if (meaning === 'storageFull') return ` Free space on storage ${storage}, or name another in spec.storages.backups.`;
  if (meaning === 'backupLimit') return ` Raise the limit of storage ${storage}, or delete old backups.`;
  return ' The log of the task on that node has the rest.';
}
