import type { ApiClient } from '../client.ts';
import { backupFacts, sourceOf, statusText } from '../backup-facts.ts';
import { CliError } from '../exit.ts';
import { kindNamed } from '../kind-names.ts';
import { namedTarget } from '../named-target.ts';
import type { ApiObject } from '../objects.ts';
import { readOutput, showObjects } from '../output.ts';
import { alignColumns } from '../render-table.ts';
import { ageText, plainLine, type Say } from '../text.ts';

export interface BackupListFlags {
  namespace?: string;
  allNamespaces?: boolean;
  output: string;
  headers: boolean;
}

/** Shows backups, newest first: of one database or volume, or of all. */
export async function backupList(
  connect: () => ApiClient,
  word: string | undefined,
  flags: BackupListFlags,
  say: Say,
): Promise<void> {
  const format = readOutput(flags.output);
  if (word !== undefined && flags.allNamespaces)
    throw new CliError('usage', 'A name is of one project: use -n PROJECT in place of -A.');
  if (flags.namespace === undefined && !flags.allNamespaces)
    throw new CliError('usage', 'Backups live in projects. Name one with -n PROJECT, or use -A for all.');
  const source = word === undefined ? undefined : namedTarget(word, ['Database', 'Volume'], flags.namespace);
  const { items } = await connect().list(
    kindNamed('Backup'),
    flags.allNamespaces ? {} : { namespace: flags.namespace },
  );
  const backups = items
    .filter((backup) => {
      const { kind, name } = sourceOf(backup);
      return !source || (kind === source.kind.kind && name === source.name);
    })
    .toSorted((a, b) => timeOf(b).localeCompare(timeOf(a)) || a.metadata.name.localeCompare(b.metadata.name));
  if (format.type !== 'table') return showObjects(backups, { isOne: false, managedFields: false }, format, say);
  if (backups.length === 0) {
    const whose = word === undefined ? '' : ` of ${word}`;
    process.stderr.write(`No backups${whose} found${flags.allNamespaces ? '' : ` in ${flags.namespace}`}.\n`);
    return;
  }
  const rows = backups.map((backup) => rowOf(backup, format.wide));
  const head = ['NAME', 'SOURCE', 'PHASE', 'SIZE', 'TAKEN', 'VERIFIED', 'RTO'];
  const all = flags.headers ? [[...head, ...(format.wide ? wideHead : [])], ...rows] : rows;
  const shown = flags.allNamespaces
    ? all.map((row, index) => {
        const project = flags.headers ? backups[index - 1] : backups[index];
        return [flags.headers && index === 0 ? 'NAMESPACE' : (project?.metadata.namespace ?? ''), ...row];
      })
    : all;
  for (const line of alignColumns(shown)) say(line);
}

const wideHead = ['MODE', 'TRIGGER', 'PROTECTED', 'NODE', 'ARCHIVE', 'MESSAGE'];

function rowOf(backup: ApiObject, wide: boolean): string[] {
  const { source, phase, size, takenAt, verified, restoreTime, message } = backupFacts(backup);
  const { spec = {} } = backup;
  const row = [backup.metadata.name, source, phase, size, ageText(takenAt), verified, restoreTime];
  const more = [
    String(spec['mode'] ?? ''),
    String(spec['trigger'] ?? ''),
    spec['protected'] === true ? 'yes' : 'no',
    statusText(backup, 'node'),
    statusText(backup, 'volid'),
    message,
  ];
  return (wide ? [...row, ...more] : row).map(plainLine);
}

function timeOf(backup: ApiObject): string {
  return statusText(backup, 'takenAt') || (backup.metadata.creationTimestamp ?? '');
}
