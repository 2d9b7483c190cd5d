import { conditionIs } from '../../../crds/condition.ts';
import type { Backup } from '../../../crds/backup.ts';
import type { Database } from '../../../crds/database.ts';
import { durationMs } from '../../../crds/duration.ts';
import { restorableFrom } from '../../../crds/restorable-from.ts';
import { shownName } from '../display-name.ts';
import { objectTimes } from '../object-times.ts';
import { newestFirst } from '../page.ts';

export type DatabaseStatus = 'running' | 'stopped' | 'building' | 'error';
type BackupStatus = 'completed' | 'failed' | 'in_progress';

interface DatabaseViewOptions {
  /** Of this database; others are nobody's business here. */
  backups: readonly Backup[];
  /** Undefined for whoever may not use it, and while there are no credentials. */
  connectionUrl: string | undefined;
}

/** A `Database` of the contract. */
export function databaseView(database: Database, { backups, connectionUrl }: DatabaseViewOptions): object {
  const { metadata, spec, status } = database;
  return {
    id: metadata.uid,
    name: shownName(database),
    type: spec.engine,
    status: databaseStatus(database),
    connection_url: connectionUrl,
    version: status.version ?? spec.version,
    plan: spec.plan,
    region: spec.region,
    metrics: metricsView(database),
    backups: {
      enabled: spec.backup.enabled,
      last_backup: status.lastBackup?.at,
      retention: spec.backup.retention,
      next_backup: status.nextBackupAt,
      backups: backups
        .filter((backup) => backup.status.phase !== 'Expired' || restorableFrom(backup) !== undefined)
        .toSorted(newestFirst)
        .map(backupView),
    },
    settings: {
      max_connections: spec.settings.maxConnections,
      timeout: spec.settings.timeout === undefined ? undefined : Math.ceil(durationMs(spec.settings.timeout) / 1000),
      ssl: spec.settings.ssl,
      logging: spec.settings.logging,
    },
    ...objectTimes(database),
  };
}

/**
 * What a database is doing, in the four words of the contract. `building` is everything on the way: being provisioned,
 * restored, started or stopped. `error` is what does not get better by waiting.
 */
export function databaseStatus({ metadata, spec, status }: Database): DatabaseStatus {
  const { conditions, observedGeneration } = status;
  const stalled = observedGeneration === metadata.generation && conditionIs(conditions, 'Stalled', 'True');
  // What serves is not broken because something else about it cannot be done.
  if (stalled && !(status.phase === 'Running' && conditionIs(conditions, 'Ready', 'True'))) return 'error';
  switch (status.phase) {
    case 'Running':
      return spec.power === 'running' ? 'running' : 'building';
    case 'Stopped':
      return spec.power === 'stopped' ? 'stopped' : 'building';
    case 'Failed':
      return 'error';
    case 'Pending':
    case 'Provisioning':
    case 'Stopping':
    case 'Restoring':
    case undefined:
      return 'building';
    default:
      return status.phase satisfies never;
  }
}

function metricsView({ status: { metrics } }: Database): object | undefined {
  if (!metrics) return undefined;
  const { cpu, memory, storage, connections, readIops, writeIops, networkIn, networkOut } = metrics;
  return {
    cpu,
    memory,
    storage,
    connections,
    read_iops: readIops,
    write_iops: writeIops,
    network_in: networkIn,
    network_out: networkOut,
  };
}

function backupView(backup: Backup): object {
  const { metadata, status } = backup;
  return {
    id: metadata.uid,
    created_at: status.takenAt ?? metadata.creationTimestamp,
    size: status.sizeBytes === undefined ? undefined : sizeText(status.sizeBytes),
    status: backupStatus(backup),
  };
}

/** What became of a backup so far. Only `completed` ones can be restored: one that expired is so while it has a copy. */
function backupStatus(backup: Backup): BackupStatus {
  const { phase } = backup.status;
  switch (phase) {
    case 'Completed':
      return 'completed';
    case 'Expired':
      return restorableFrom(backup) === undefined ? 'failed' : 'completed';
    case 'Failed':
      return 'failed';
    case 'Pending':
    case 'Taking':
    case 'Verifying':
    case undefined:
      return 'in_progress';
    default:
      return phase satisfies never;
  }
}

/** A size for people: `12.3 MiB`. */
function sizeText(bytes: number): string {
  const power = Math.min(Math.floor(Math.log2(Math.max(bytes, 1)) / 10), units.length - 1);
  return `${Math.round((bytes / 1024 ** power) * 10) / 10} ${units[power]}`;
}

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
