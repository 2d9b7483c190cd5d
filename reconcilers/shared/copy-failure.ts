import type { Reason } from '../../crds/reasons.ts';
import { Fault } from '../../controller/errors.ts';
import { isStorageFault, type StorageMeaning } from '../providers/object-storage/fault.ts';
import type { Trouble } from './trouble.ts';

/** A copy that is not what it was to be, or that a guest could not be read for. */
export class CopyFault extends Fault {
  readonly reason: Reason;

  constructor(reason: Reason, message: string) {
    super('Unavailable', message);
    this.name = 'CopyFault';
    this.reason = reason;
  }
}

const reasons: Record<StorageMeaning, Reason> = {
  unreachable: 'BucketUnreachable',
  denied: 'BucketDenied',
  noBucket: 'BucketMissing',
  absent: 'CopyUnreadable',
  elsewhere: 'BucketUnreachable',
  full: 'StorageFull',
  tooLarge: 'CopyFailed',
  damaged: 'CopyUnreadable',
  refused: 'CopyFailed',
};

/** What an error of copying means. `isFinal`: another try would come to the same, at great cost. Pure. */
export function copyTrouble(error: unknown): Trouble & { isFinal: boolean } {
  if (error instanceof CopyFault) return { reason: error.reason, message: error.message, isFinal: false };
  if (isStorageFault(error))
    return { reason: reasons[error.meaning], message: error.message, isFinal: error.meaning === 'tooLarge' };
  if (error instanceof Fault)
    return { reason: 'CopyFailed', message: error.message, isFinal: error.code === 'Invalid' };
  return {
    reason: 'InternalError',
    message: 'The controller failed on this copy; its log has the cause.',
    isFinal: false,
  };
}
