import type { Backup } from './backup.ts';
import { GROUP } from './meta.ts';

/** On a Backup: restores take its copy also while its archive seems to be there. */
export const RESTORE_FROM = `${GROUP}/restore-from`;

/** What a backup can be restored from now; undefined when nothing of it is to be had, or not yet. Pure. */
export function restorableFrom({ metadata, status }: Backup): 'archive' | 'copy' | undefined {
  const isCopied = status.copy !== undefined;
  if (status.phase === 'Expired') return isCopied ? 'copy' : undefined;
  if (status.phase !== 'Completed') return undefined;
  return isCopied && metadata.annotations?.[RESTORE_FROM] === 'copy' ? 'copy' : 'archive';
}
