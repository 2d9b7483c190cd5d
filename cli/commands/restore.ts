import { createInterface } from 'node:readline/promises';
import type { ApiClient } from '../client.ts';
import { backupFacts, sourceOf, statusText } from '../backup-facts.ts';
import { CliError } from '../exit.ts';
import { kindNamed, targetName, type PlacedTarget } from '../kind-names.ts';
import { datedName, namedTarget } from '../named-target.ts';
import { conditionOf, type ApiObject } from '../objects.ts';
import { createProgress } from '../progress.ts';
import { alignColumns } from '../render-table.ts';
import { summaryOf } from '../summary.ts';
import { ageText, plainLine, type Say } from '../text.ts';
import { waitForEnd } from '../wait-for-end.ts';

export interface RestoreFlags {
  namespace?: string;
  as?: string;
  name?: string;
  yes?: boolean;
  confirm?: string;
  wait?: boolean;
  timeout: number;
}

/** Brings a backup back, in place of what its source holds now or under another name. What is there is kept beside it. */
export async function restore(client: ApiClient, word: string, flags: RestoreFlags, say: Say): Promise<void> {
  const backup = await restorableBackup(client, namedTarget(word, ['Backup'], flags.namespace));
  const source = sourceOf(backup);
  const { namespace } = backup.metadata;
  const target = { kind: kindNamed(source.kind), name: flags.as ?? source.name, namespace };
  const present = await client.find(target);
  if (present) await confirmInPlace({ backup, target, present }, flags);
  const made = { kind: kindNamed('Restore'), name: flags.name ?? datedName(target.name, new Date()), namespace };
  await client.create(made.kind, {
    apiVersion: 'containr.dev/v1alpha1',
    kind: 'Restore',
    metadata: { name: made.name, ...(namespace !== undefined && { namespace }) },
    spec: { backup: backup.metadata.name, target: { kind: source.kind, name: target.name } },
  });
  say(`${targetName(made)} created`);
  if (flags.wait) return tellEnd(client, made, flags.timeout, say);
  const wait = `containr wait ${targetName(made)} -n ${namespace ?? ''} --for=condition=Ready --timeout 2h`;
  process.stderr.write(`${targetName(target)} is being restored. To wait for it: ${wait}\n`);
}

async function restorableBackup(client: ApiClient, target: PlacedTarget): Promise<ApiObject> {
  const backup = await client.get(target);
  const { phase, message } = backupFacts(backup);
  if (phase === 'Completed') return backup;
  const shown = targetName(target);
  if (phase === 'Failed' || phase === 'Expired')
    throw new CliError('conflict', `${shown} is ${phase} and cannot be restored: ${message}`, [
      `Others: containr backup list -n ${target.namespace ?? ''}`,
    ]);
  throw new CliError('conflict', `${shown} is ${phase}; it can be restored once it is Completed.`, [
    `To wait for that: containr wait ${shown} -n ${target.namespace ?? ''} --for=condition=Ready`,
  ]);
}

interface InPlace {
  backup: ApiObject;
  target: PlacedTarget;
  present: ApiObject;
}

async function confirmInPlace({ backup, target, present }: InPlace, { yes, confirm }: RestoreFlags): Promise<void> {
  const shown = targetName(target);
  if (confirm !== undefined && confirm !== target.name)
    throw new CliError('usage', `--confirm ${confirm} is not the name of ${shown}. Nothing was changed.`);
  if (yes === true || confirm !== undefined) return;
  const said = consequences({ backup, target, present });
  if (!process.stdin.isTTY || !process.stderr.isTTY)
    throw new CliError('usage', `${said[0]} If you mean it: --confirm ${target.name}, or --yes`, [
      ...said.slice(1),
      'To restore beside it instead: --as NAME',
    ]);
  process.stderr.write(`${said.join('\n  ')}\n`);
  const asking = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await asking.question(`Type "${target.name}" to go on: `);
    if (answer.trim() !== target.name) throw new CliError('usage', 'That is not its name. Nothing was changed.');
  } finally {
    asking.close();
  }
}

function consequences({ backup, target, present }: InPlace): [string, ...string[]] {
  const shown = targetName(target);
  const { takenAt } = backupFacts(backup);
  const taken = takenAt === '' ? '' : `, taken ${ageText(takenAt)} ago (${takenAt})`;
  const volume = statusText(present, 'volume');
  const kept = volume === '' ? 'is kept in a volume of its own' : `is kept in volume/${volume}`;
  const isVolume = target.kind.kind === 'Volume';
  return [
    `${shown} gets the data of backup/${backup.metadata.name}${taken}.`,
    isVolume
      ? 'Its guest runs until those were restored and read beside it, and is stopped only while the disks change over.'
      : 'It serves until those were restored, read and queried beside it, and is down only while it changes over.',
    `What it holds now ${kept} until you delete that; what was written since the backup is there alone.`,
  ];
}

async function tellEnd(client: ApiClient, target: PlacedTarget, timeoutMs: number, say: Say): Promise<void> {
  const isOver = (one: ApiObject): boolean => ['Completed', 'Failed'].includes(statusText(one, 'phase'));
  const done = await waitForEnd(client, target, isOver, { timeoutMs, onChange: createProgress() });
  if (statusText(done, 'phase') === 'Failed') {
    const why = conditionOf(done, 'Ready')?.message ?? statusText(done, 'failure');
    throw new CliError('negative', `${targetName(target)} is Failed: ${plainLine(why)}`);
  }
  say(`${targetName(target)} completed`);
  for (const line of alignColumns(summaryOf(done).filter(([key]) => key !== 'Phase:'))) say(line);
}
