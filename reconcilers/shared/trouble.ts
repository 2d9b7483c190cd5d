import { findCondition } from '../../crds/condition.ts';
import type { Resource } from '../../crds/define-kind.ts';
import type { Reason } from '../../crds/reasons.ts';

/** What keeps an object from getting on. The message says what to do about it. */
export interface Trouble {
  reason: Reason;
  message: string;
}

/** Reasons that a person may have to do something about; the others are work that takes its time. */
const troubling: ReadonlySet<Reason> = new Set<Reason>([
  'Rejected',
  'AccessDenied',
  'ProviderUnavailable',
  'InternalError',
  'SecretNotFound',
  'SecretUnreadable',
  'PrivilegeMissing',
  'ClusterNotQuorate',
  'VersionUnsupported',
  'CertificateMismatch',
  'NodeMissing',
  'StorageMissing',
  'BridgeMissing',
  'BuilderUnreachable',
  'NoBuilder',
  'SourceUnavailable',
  'StorageFull',
  'PublishFailed',
  'Unschedulable',
  'NoFreeVmid',
  'NoFreeAddress',
  'ArtifactMissing',
  'CrashLoop',
  'Exited',
  'Unhealthy',
  'Locked',
  'LockStuck',
  'OwnerMismatch',
  'IdentityMissing',
  'NodeOffline',
  'GuestMissing',
  'AddressPending',
  'ConfigMissing',
  'WaitingForVolume',
  'DiskUnknown',
  'BackupNotFound',
  'BackupUnreadable',
  'TaskFailed',
  'ProxyUnreachable',
  'ProxyRefuses',
  'HostTaken',
]);

/** Whether a person may have to do something about what this reason stands for. */
export function isTroubling(reason: Reason): boolean {
  return troubling.has(reason);
}

/**
 * What an object's own conditions say holds it up, so that what it belongs to can say it too; undefined while all goes its
 * way. Pure.
 */
export function troubleOf({ status }: Pick<Resource, 'status'>): Trouble | undefined {
  const stalled = findCondition(status.conditions, 'Stalled');
  if (stalled?.status === 'True') return { reason: stalled.reason, message: stalled.message };
  const reconciling = findCondition(status.conditions, 'Reconciling');
  const ready = findCondition(status.conditions, 'Ready');
  for (const [condition, isOpen] of [
    [reconciling, reconciling?.status === 'True'],
    [ready, ready?.status !== 'True'],
  ] as const)
    if (condition && isOpen && troubling.has(condition.reason))
      return { reason: condition.reason, message: condition.message };
  return undefined;
}
