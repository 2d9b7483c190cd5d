import { conditionOf, type ApiObject } from './objects.ts';
import { sizeText } from './size-text.ts';
import { plainLine } from './text.ts';

/** What commands tell of a Backup; empty where it is not known. */
export interface BackupFacts {
  /** `main` for a database, `volume/web-data` for a volume. */
  source: string;
  phase: string;
  size: string;
  takenAt: string;
  verified: 'yes' | 'no' | 'failed';
  restoreTime: string;
  /** What the loop says of it. */
  message: string;
}

/** Reads a Backup as the server answers it. */
export function backupFacts(backup: ApiObject): BackupFacts {
  const { status = {} } = backup;
  const { kind, name } = sourceOf(backup);
  const queried = conditionOf(backup, 'RestoreVerified');
  return {
    source: kind === 'Database' ? name : `${kind.toLowerCase()}/${name}`,
    phase: statusText(backup, 'phase') || 'Pending',
    size: sizeText(status['sizeBytes']),
    takenAt: statusText(backup, 'takenAt'),
    verified: status['verified'] === true ? 'yes' : queried?.status === 'False' ? 'failed' : 'no',
    restoreTime: statusText(backup, 'restoreTime'),
    message: plainLine((queried?.status === 'False' ? queried : conditionOf(backup, 'Ready'))?.message ?? ''),
  };
}

/** What a Backup is of. */
export function sourceOf({ spec }: ApiObject): { kind: string; name: string } {
  return named(spec?.['source']);
}

/** What a Restore brings back. */
export function targetOf({ spec }: ApiObject): { kind: string; name: string } {
  return named(spec?.['target']);
}

/** A field of the status as text; empty without one. */
export function statusText({ status }: ApiObject, field: string): string {
  const value = status?.[field];
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}

function named(value: unknown): { kind: string; name: string } {
  const { kind = '', name = '' } = isRecord(value) ? value : {};
  return { kind: String(kind), name: String(name) };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
