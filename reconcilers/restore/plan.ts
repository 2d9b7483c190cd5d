import type { DatabaseEngines } from '../shared/database-engine.ts';
import type { Trouble } from '../shared/trouble.ts';
import type { RestoreView } from './observe.ts';

/** Whether a restore may begin. `refuse`: only another restore, or another spec of the target, helps. */
export type Admission =
  | { do: 'begin'; inPlace: boolean }
  | { do: 'wait'; trouble: Trouble }
  | { do: 'refuse'; trouble: Trouble };

/** Looks at backup and target before anything is made. Pure. */
export function admit(view: RestoreView, engines: DatabaseEngines): Admission {
  const { restore, backup, rival } = view;
  const { kind, name } = restore.spec.target;
  if (!backup) return refuse('BackupNotFound', `There is no Backup ${restore.spec.backup}. Name one that exists.`);
  const { phase } = backup.status;
  if (phase === 'Failed' || phase === 'Expired')
    return refuse('BackupNotFound', `Backup ${backup.metadata.name} is ${phase}. Name one that is Completed.`);
  if (backup.spec.source.kind !== kind) {
    const words = `Backup ${backup.metadata.name} is one of a ${backup.spec.source.kind}, and the target is a ${kind}.`;
    return refuse('Rejected', `${words} Set spec.target.kind to ${backup.spec.source.kind}.`);
  }
  if (phase !== 'Completed')
    return wait('Waiting', `Waiting until Backup ${backup.metadata.name} is completed; it is ${phase ?? 'Pending'}.`);
  if (rival) return wait('RestoreQueued', `Restore ${rival.metadata.name} of ${kind} ${name} comes first.`);
  return kind === 'Database' ? admitDatabase(view, engines) : admitVolume(view);
}

/** The series of a version, within which data stay readable; undefined when this version is not known. Pure. */
export function seriesOf(series: readonly string[], version: string | undefined): string | undefined {
  return series.find((one) => version === one || version?.startsWith(`${one}.`));
}

function admitVolume({ restore, volume }: RestoreView): Admission {
  if (!volume) return { do: 'begin', inPlace: false };
  const { name } = restore.spec.target;
  const words = `Volume ${name} exists, and a volume is restored to a new one: nothing that is in use is replaced.`;
  return refuse('Rejected', `${words} Set spec.target.name to a name that is free.`);
}

function admitDatabase(view: RestoreView, engines: DatabaseEngines): Admission {
  const { restore, backup, database, model, previous } = view;
  const { engine, version, credentialsSecretRef } = backup?.status ?? {};
  const { name } = restore.spec.target;
  const facts = Object.entries(engines).find(([one]) => one === engine)?.[1];
  const series = facts && seriesOf(facts.series, version);
  if (!facts || series === undefined)
    return refuse(
      'Rejected',
      `${facts?.title ?? engine} ${version} of the backup is not known to this version of Containr.`,
    );
  if (!credentialsSecretRef)
    return refuse(
      'SecretNotFound',
      'The backup has no login, without which nobody can use its data. Name another one.',
    );
  if (!database) return { do: 'begin', inPlace: false };
  if (database.metadata.deletionTimestamp !== undefined)
    return refuse('Rejected', `Database ${name} is being deleted. Restore to a new name.`);
  if (database.spec.engine !== engine) {
    const other = engines[database.spec.engine].title;
    return refuse(
      'Rejected',
      `Database ${name} is ${other}, and the backup is one of ${facts.title}. Restore to a new name.`,
    );
  }
  if (database.spec.power === 'stopped')
    return refuse('Rejected', `Database ${name} is stopped. Start it, or restore to a new name.`);
  const own = seriesOf(facts.series, database.status.version ?? database.spec.version);
  if (own !== undefined && own !== series) {
    const age = facts.series.indexOf(series) < facts.series.indexOf(own) ? 'newer' : 'older';
    const words = `The backup is one of ${facts.title} ${series}, which is ${age} than the ${own} of Database ${name}; it cannot read those data.`;
    return refuse('Rejected', `${words} Restore to a new name.`);
  }
  if (!model || !previous || database.status.volume === undefined)
    return wait(
      'Waiting',
      `Database ${name} has no guest or no volume yet; they show what the restored data are proven in.`,
    );
  return { do: 'begin', inPlace: true };
}

function refuse(reason: Trouble['reason'], message: string): Admission {
  return { do: 'refuse', trouble: { reason, message } };
}

function wait(reason: Trouble['reason'], message: string): Admission {
  return { do: 'wait', trouble: { reason, message } };
}
