import type { Backup } from '../../crds/backup.ts';
import { findCondition } from '../../crds/condition.ts';
import type { Reason } from '../../crds/reasons.ts';
import { waiting, type Outcome } from '../../controller/outcome.ts';
import type { Pass } from '../../controller/reconciler.ts';

/** With these nothing can be restored from the archive, whatever was said of it before. */
const damning: ReadonlySet<Reason> = new Set<Reason>(['DigestMismatch', 'ArchiveEmpty']);

/** Notes why the backup, or a trial of it, came to nothing; the machine takes it from there. */
export function fail(pass: Pass<Backup>, failureReason: Reason, failure: string): Outcome {
  pass.status = { ...pass.status, failure, failureReason };
  return waiting(failureReason, failure, 0);
}

/** It was read back once, and says so until its archive proves otherwise. Pure. */
export function isGood({ completedAt, phase }: Backup['status']): boolean {
  return completedAt !== undefined && phase !== 'Failed';
}

/** A failure that leaves nothing to rely on. Pure. */
export function isLost(status: Backup['status']): boolean {
  if (status.failure === undefined) return false;
  return !isGood(status) || (status.failureReason !== undefined && damning.has(status.failureReason));
}

/** What ran out of time says what it was waiting for last. Pure. */
export function withFailure({ spec }: Backup, status: Backup['status']): Backup['status'] {
  if (status.failure !== undefined) return status;
  const last = findCondition(status.conditions, 'Ready');
  const words = last?.status === 'False' ? ` Last: ${last.message}` : '';
  const failure = `It did not come to an end within ${spec.deadline}.${words}`;
  return { ...status, failure, failureReason: 'DeadlineExceeded' };
}
