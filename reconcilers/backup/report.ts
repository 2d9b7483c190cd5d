import { setCondition, type ConditionInput } from '../../crds/condition.ts';
import type { Backup } from '../../crds/backup.ts';
import { copiedCondition } from './copy-report.ts';
import { isGood } from './failure.ts';
import type { BackupState } from './machine.ts';

/** The status as the machine has it. Pure. */
export function reportBackup(
  backup: Backup,
  status: Backup['status'],
  state: BackupState,
  now: Date,
): Backup['status'] {
  const isOver = state === 'Completed' || state === 'Failed' || state === 'Expired';
  let { conditions } = status;
  for (const input of conditionsFor(backup, status, state))
    conditions = setCondition(conditions, input, { generation: backup.metadata.generation, now });
  return {
    ...status,
    phase: state,
    ...(state !== 'Pending' && { startedAt: status.startedAt ?? now.toISOString() }),
    ...(isOver && { completedAt: status.completedAt ?? now.toISOString() }),
    conditions,
  };
}

function conditionsFor(backup: Backup, status: Backup['status'], state: BackupState): ConditionInput[] {
  const { volid, storage, checksum } = status;
  const list = [readyCondition(status, state)];
  if (volid !== undefined) {
    const isThere = state !== 'Expired';
    const reason = isThere ? 'BackupCompleted' : 'ArchiveMissing';
    const message = isThere
      ? `The archive is ${volid}.`
      : `The archive ${volid} is not on storage ${storage} any more.`;
    list.push({ type: 'Taken', status: isThere ? 'True' : 'False', reason, message });
  }
  if (checksum !== undefined) {
    const message = `A copy that was restored from it has the digest ${checksum}.`;
    list.push({ type: 'ReadBack', status: 'True', reason: 'BackupCompleted', message });
  }
  return [...list, queriedCondition(backup, status) ?? [], copiedCondition(backup, status) ?? []].flat();
}

function queriedCondition({ spec }: Backup, status: Backup['status']): ConditionInput | undefined {
  const { verified, restoreTime, failure } = status;
  const type = 'RestoreVerified';
  if (verified) {
    const words = spec.source.kind === 'Volume' ? 'A copy was restored and read' : 'A copy was restored and queried';
    return { type, status: 'True', reason: 'RestoreVerified', message: `${words} in ${restoreTime}.` };
  }
  if (!isGood(status)) return undefined;
  if (failure !== undefined)
    return { type, status: 'False', reason: status.failureReason ?? 'ReadBackFailed', message: failure };
  const message = 'It was read back, and not queried. Set spec.verify to have that done.';
  return { type, status: 'Unknown', reason: 'RestoreUnverified', message };
}

function readyCondition(status: Backup['status'], state: BackupState): ConditionInput {
  const { failure, failureReason, storage, sizeBytes, duration } = status;
  const no = (reason: ConditionInput['reason'], message: string): ConditionInput => ({
    type: 'Ready',
    status: 'False',
    reason,
    message,
  });
  switch (state) {
    case 'Pending':
      return no('Waiting', 'The backup is about to be taken.');
    case 'Taking':
      return no('BackupRunning', 'The backup is being taken.');
    case 'Verifying':
      return no('ReadingBack', 'The backup is being read back.');
    case 'Completed': {
      const message = `${sizeBytes} bytes on storage ${storage}, taken in ${duration} and read back.`;
      return { type: 'Ready', status: 'True', reason: 'BackupCompleted', message };
    }
    case 'Failed':
      return no(failureReason ?? 'BackupFailed', failure ?? 'The backup failed.');
    case 'Expired':
      return no('ArchiveMissing', `The archive is not on storage ${storage} any more; it cannot be restored.`);
    default:
      return state satisfies never;
  }
}
