import type { ApiClient } from '../client.ts';
import { CliError } from '../exit.ts';
import { backupFacts, statusText } from '../backup-facts.ts';
import { kindNamed, targetName, type PlacedTarget } from '../kind-names.ts';
import { datedName, namedTarget } from '../named-target.ts';
import type { ApiObject } from '../objects.ts';
import { createProgress } from '../progress.ts';
import { alignColumns } from '../render-table.ts';
import { summaryOf } from '../summary.ts';
import type { Say } from '../text.ts';
import { waitForEnd } from '../wait-for-end.ts';

export interface BackupNowFlags {
  namespace?: string;
  name?: string;
  mode: 'snapshot' | 'dump' | 'stop';
  /** As the database has it for its schedule where it is not said. */
  verify?: boolean;
  protect?: boolean;
  wait?: boolean;
  timeout: number;
}

/** Has a backup of a database or a volume taken now; with `wait`, tells where it lies once it was read back. */
export async function backupNow(client: ApiClient, word: string, flags: BackupNowFlags, say: Say): Promise<void> {
  const source = namedTarget(word, ['Database', 'Volume'], flags.namespace);
  if (source.kind.kind === 'Volume' && flags.mode === 'dump')
    throw new CliError('usage', 'A dump is what a database engine writes out; a volume has none. Use --mode snapshot.');
  const found = await client.get(source);
  const backup = {
    kind: kindNamed('Backup'),
    name: flags.name ?? datedName(source.name, new Date()),
    namespace: source.namespace,
  };
  await client.create(backup.kind, {
    apiVersion: 'containr.dev/v1alpha1',
    kind: 'Backup',
    metadata: { name: backup.name, ...(backup.namespace !== undefined && { namespace: backup.namespace }) },
    spec: {
      source: { kind: source.kind.kind, name: source.name },
      mode: flags.mode,
      verify: flags.verify ?? isVerifiedBySchedule(found),
      protected: flags.protect ?? false,
      trigger: 'manual',
    },
  });
  say(`${targetName(backup)} created`);
  if (flags.wait) return tellEnd(client, backup, flags.timeout, say);
  const wait = `containr wait ${targetName(backup)} -n ${backup.namespace ?? ''} --for=condition=Ready --timeout 2h`;
  process.stderr.write(`It is being taken. To wait for it: ${wait}\n`);
}

/** Whether a backup has come to its end. */
export function isOver(backup: ApiObject): boolean {
  return ['Completed', 'Failed', 'Expired'].includes(statusText(backup, 'phase'));
}

/** Waits for the end of a backup and tells what came of it. Ends with a "no" unless all that it was asked for is done. */
export async function tellEnd(client: ApiClient, target: PlacedTarget, timeoutMs: number, say: Say): Promise<void> {
  const backup = await waitForEnd(client, target, isOver, { timeoutMs, onChange: createProgress() });
  const { phase, verified, message } = backupFacts(backup);
  if (phase !== 'Completed') throw new CliError('negative', `${targetName(target)} is ${phase}: ${message}`);
  say(`${targetName(target)} completed`);
  for (const line of alignColumns(summaryOf(backup).filter(([key]) => key !== 'Phase:'))) say(line);
  if (verified === 'failed')
    throw new CliError('negative', `${targetName(target)} was read back, and is not verified: ${message}`);
}

function isVerifiedBySchedule({ spec }: ApiObject): boolean {
  const backup = spec?.['backup'];
  return typeof backup === 'object' && backup !== null && 'verify' in backup && backup.verify === true;
}
