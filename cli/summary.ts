import { backupFacts, sourceOf, statusText, targetOf } from './backup-facts.ts';
import { conditionOf, type ApiObject } from './objects.ts';
import { sizeText } from './size-text.ts';
import { ageText, plainLine } from './text.ts';

/** What people want to know first of a backup, a restore or a database; nothing of other kinds, nor of what is not known. */
export function summaryOf(object: ApiObject): [string, string][] {
  return linesOf(object).filter(([, value]) => value !== '');
}

function linesOf(object: ApiObject): [string, string][] {
  switch (object.kind) {
    case 'Backup':
      return backupLines(object);
    case 'Restore':
      return restoreLines(object);
    case 'Database':
      return databaseLines(object);
    default:
      return [];
  }
}

function backupLines(backup: ApiObject): [string, string][] {
  const { phase, size, takenAt } = backupFacts(backup);
  const { kind, name } = sourceOf(backup);
  const duration = statusText(backup, 'duration');
  const volid = statusText(backup, 'volid');
  const { dump, copy } = backup.status ?? {};
  const dumped = typeof dump === 'object' && dump !== null && 'sizeBytes' in dump ? sizeText(dump.sizeBytes) : '';
  return [
    ['Source:', `${kind.toLowerCase()}/${name}`],
    ['Phase:', phase],
    ['Archive:', volid === '' ? '' : `${volid} on node ${statusText(backup, 'node')}`],
    ['Size:', size],
    ['Dump:', dumped],
    [
      'Taken:',
      takenAt === '' ? '' : `${takenAt} (${ageText(takenAt)} ago)${duration === '' ? '' : `, in ${duration}`}`,
    ],
    ['Checksum:', statusText(backup, 'checksum')],
    ['Copy:', typeof copy === 'object' && copy !== null && 'url' in copy ? String(copy.url) : ''],
    ['Verified:', verifiedText(backup)],
    ['Protected:', backup.spec?.['protected'] === true ? 'yes' : ''],
  ];
}

/** Empty while nothing can be said of it. */
function verifiedText(backup: ApiObject): string {
  const { phase, verified, restoreTime, message } = backupFacts(backup);
  const how = sourceOf(backup).kind === 'Database' ? 'restored and queried' : 'restored and read';
  if (verified === 'yes') return `yes, ${how} in ${restoreTime}`;
  if (phase !== 'Completed') return '';
  if (verified === 'failed') return `no: ${message}`;
  const { namespace = '', name } = backup.metadata;
  return `no, only read back; to have it ${how}: containr backup verify ${name} -n ${namespace}`;
}

function restoreLines(restore: ApiObject): [string, string][] {
  const { kind, name } = targetOf(restore);
  const lower = kind.toLowerCase();
  const isOver = ['Completed', 'Failed'].includes(statusText(restore, 'phase'));
  const previous = statusText(restore, 'previousVolume');
  const volume = statusText(restore, 'volume');
  const isDone = statusText(restore, 'phase') === 'Completed';
  return [
    ['Backup:', `backup/${String(restore.spec?.['backup'] ?? '')}`],
    ['Target:', `${lower}/${name}${restore.status?.['inPlace'] === false ? ' (made anew)' : ''}`],
    ['Phase:', statusText(restore, 'phase') || 'Pending'],
    ['Took:', statusText(restore, 'restoreTime')],
    ['Data on:', isDone && volume !== '' ? `volume/${volume}` : ''],
    [
      isDone ? 'Kept:' : 'Had before:',
      previous === ''
        ? ''
        : isDone
          ? `volume/${previous}, what ${lower}/${name} held before, until you delete it; its disk goes with it only if spec.retain is false`
          : `volume/${previous}`,
    ],
    ['Failure:', isOver ? plainLine(statusText(restore, 'failure')) : ''],
  ];
}

function databaseLines(database: ApiObject): [string, string][] {
  const { namespace = '', name } = database.metadata;
  const last = database.status?.['lastBackup'];
  const lastName = typeof last === 'object' && last !== null && 'name' in last ? String(last.name) : '';
  const at = typeof last === 'object' && last !== null && 'at' in last ? String(last.at) : '';
  const verified = typeof last === 'object' && last !== null && 'verified' in last && last.verified === true;
  const health = conditionOf(database, 'BackupHealthy');
  return [
    ['Phase:', statusText(database, 'phase')],
    ['Endpoint:', statusText(database, 'endpoint')],
    ['URL:', statusText(database, 'endpoint') === '' ? '' : `containr db url ${name} -n ${namespace}`],
    [
      'Last backup:',
      lastName === '' ? '' : `backup/${lastName}, ${ageText(at)} ago, ${verified ? 'verified' : 'not verified'}`,
    ],
    ['Backups:', health?.status === 'False' ? plainLine(health.message) : ''],
    ['Next backup:', statusText(database, 'nextBackupAt')],
  ];
}
