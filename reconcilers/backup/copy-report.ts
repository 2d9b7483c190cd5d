import type { Backup } from '../../crds/backup.ts';
import type { ConditionInput } from '../../crds/condition.ts';

/** What is to be said of the copy of a backup: nothing while none is asked for, or before the backup is good. Pure. */
export function copiedCondition({ spec }: Backup, { copy, copying }: Backup['status']): ConditionInput | undefined {
  const type = 'Copied';
  if (copy) {
    const message = `An encrypted copy of ${copy.sizeBytes} bytes is at ${copy.url}.`;
    return { type, status: 'True', reason: 'CopyCompleted', message };
  }
  if (!spec.copyTo || !copying) return undefined;
  const { failure, failureReason = 'CopyFailed', over } = copying;
  if (failure === undefined)
    return { type, status: 'False', reason: 'Copying', message: 'The backup is being copied to its bucket.' };
  const next = over ? 'It is not tried again: take another backup.' : 'It is tried again.';
  return { type, status: 'False', reason: failureReason, message: `${failure} ${next}` };
}
