import type { ApiClient } from '../client.ts';
import { backupFacts, statusText } from '../backup-facts.ts';
import { CliError } from '../exit.ts';
import { targetName } from '../kind-names.ts';
import { namedTarget } from '../named-target.ts';
import type { ApiObject } from '../objects.ts';
import { createProgress } from '../progress.ts';
import type { Say } from '../text.ts';
import { waitForEnd } from '../wait-for-end.ts';

export interface BackupVerifyFlags {
  namespace?: string;
  wait: boolean;
  timeout: number;
}

/** Has a backup restored beside its source and queried, and tells how long that took. Ends with a "no" when it cannot be. */
export async function backupVerify(
  client: ApiClient,
  word: string,
  { namespace, wait, timeout }: BackupVerifyFlags,
  say: Say,
): Promise<void> {
  const target = namedTarget(word, ['Backup'], namespace);
  const shown = targetName(target);
  const before = await client.get(target);
  const { phase, verified, message } = backupFacts(before);
  if (phase === 'Failed' || phase === 'Expired')
    throw new CliError('negative', `${shown} is ${phase}; there is nothing to verify: ${message}`);
  if (verified === 'yes') return say(verifiedLine(shown, before));
  const until = Date.now() + timeout;
  const left = (): number => Math.max(1, until - Date.now());
  if (statusText(before, 'failure') !== '') {
    // An earlier trial came to nothing. The loop forgets it when none is asked for, and begins anew with the next wish.
    await client.patch(target, { spec: { verify: false } });
    await waitForEnd(client, target, (backup) => statusText(backup, 'failure') === '', { timeoutMs: left() });
  }
  await client.patch(target, { spec: { verify: true } });
  if (!wait) return say(`${shown} is going to be verified`);
  const after = await waitForEnd(client, target, isJudged, { timeoutMs: left(), onChange: createProgress() });
  const facts = backupFacts(after);
  if (facts.verified !== 'yes') throw new CliError('negative', `${shown} is not verified: ${facts.message}`);
  say(verifiedLine(shown, after));
}

/** It was queried, or is known not to be. */
function isJudged(backup: ApiObject): boolean {
  const { phase, verified } = backupFacts(backup);
  return phase === 'Failed' || phase === 'Expired' || (phase === 'Completed' && verified !== 'no');
}

function verifiedLine(shown: string, backup: ApiObject): string {
  const how = backupFacts(backup).source.includes('/') ? 'restored and read' : 'restored and queried';
  return `${shown} is verified: ${how} in ${statusText(backup, 'restoreTime')}`;
}
