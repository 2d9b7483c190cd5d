import type { Backup } from '../../crds/backup.ts';
import { BACKUP_COMMANDS } from '../shared/backup-commands.ts';
import type { DatabaseEngineFacts } from '../shared/database-engine.ts';

/** What is next while a backup is taken. */
export type TakingStep =
  /** Without a command there is nothing to make ready. */
  | { do: 'prepare'; command: string | undefined }
  | { do: 'ask' }
  | { do: 'follow'; upid: string }
  /** It was asked for, and what came of it is not known. */
  | { do: 'find' }
  | { do: 'done' };

/** Reads from the status what is next. Pure. */
export function nextTaking(
  { mode }: Pick<Backup['spec'], 'mode'>,
  { preparedAt, askedAt, task, volid, guestUid }: Backup['status'],
  engine: DatabaseEngineFacts | undefined,
): TakingStep {
  if (volid !== undefined) return { do: 'done' };
  if (task) return { do: 'follow', upid: task.upid };
  if (askedAt !== undefined) return { do: 'find' };
  if (preparedAt !== undefined) return { do: 'ask' };
  if (mode === 'dump') return { do: 'prepare', command: BACKUP_COMMANDS.dump };
  const isQuiesced = mode === 'snapshot' && guestUid !== undefined && engine?.backup.quiesce !== undefined;
  return { do: 'prepare', command: isQuiesced ? BACKUP_COMMANDS.quiesce : undefined };
}
