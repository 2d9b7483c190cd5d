import { Guest } from '../../crds/guest.ts';
import { Volume } from '../../crds/volume.ts';
import { waiting, type Outcome } from '../../controller/outcome.ts';
import { isProxmoxFault } from '../providers/proxmox/fault.ts';
import { troubleOf } from '../shared/trouble.ts';
import { findArchives } from './archives.ts';
import type { StepContext } from './context.ts';

const HELD_CHECK_MS = 10_000;

/** Removes what the backup was read back with, the guest before the volume. Undefined once all of it is gone. */
export async function removeTrial({
  pass,
  resources: { read, write },
}: Pick<StepContext, 'pass' | 'resources'>): Promise<Outcome | undefined> {
  const { uid } = pass.resource.metadata;
  for (const kind of [Guest, Volume] as const) {
    const left = read.ownedBy<Guest | Volume>(kind, uid);
    for (const object of left)
      if (object.metadata.deletionTimestamp === undefined) await write.delete<Guest | Volume>(kind, object);
    const [one] = left;
    if (!one) continue;
    const words = troubleOf(one)?.message ?? `The ${kind.kind} ${one.metadata.name} of the trial is being removed.`;
    return waiting('WaitingForChildren', words, HELD_CHECK_MS);
  }
  const { trial: _, ...rest } = pass.status;
  pass.status = rest;
  return undefined;
}

/**
 * Removes the archives of the backup, after the task that may still write one. Undefined once none is there. What Proxmox
 * protects is left, and said.
 */
export async function removeArchives(context: StepContext): Promise<Outcome | undefined> {
  const { pass, connection, installation } = context;
  const { client } = connection;
  const { node = '', storage = '', task, askedAt, volid } = pass.status;
  if (task) {
    const state = await client.task(task.upid, pass.signal);
    if (state.status === 'running')
      return waiting('Deleting', 'Proxmox still works on the archive; it is removed after that.', 5_000);
    const { task: _, ...rest } = pass.status;
    pass.status = rest;
  }
  if (askedAt === undefined && volid === undefined) return undefined;
  const backup = { ...pass.resource, status: pass.status };
  const archives = await findArchives(client, backup, installation, pass.signal);
  const [archive] = archives;
  if (!archive) return undefined;
  try {
    await client.deleteBackup(node, storage, archive.volid, pass.signal);
  } catch (error) {
    if (!isProxmoxFault(error, 'protected')) throw error;
    const message = `The archive ${archive.volid} is protected in Proxmox. Take the protection off there.`;
    return waiting('BackupProtected', message, 60_000);
  }
  return waiting('Deleting', `The archive ${archive.volid} is being removed.`, 500);
}
