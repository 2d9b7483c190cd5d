import { quantityBytes } from '../../crds/quantity.ts';
import { controllerOf } from '../../controller/object-key.ts';
import type { DatabaseEngines } from '../shared/database-engine.ts';
import { restorableFrom } from '../../crds/restorable-from.ts';
import type { Trouble } from '../shared/trouble.ts';
import { isExchanging } from '../shared/volumes.ts';
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
  const from = restorableFrom(backup);
  if (phase === 'Failed' || (phase === 'Expired' && from === undefined))
    return refuse('BackupNotFound', `Backup ${backup.metadata.name} is ${phase}. Name one that is Completed.`);
  if (backup.spec.source.kind !== kind) {
    const words = `Backup ${backup.metadata.name} is one of a ${backup.spec.source.kind}, and the target is a ${kind}.`;
    return refuse('Rejected', `${words} Set spec.target.kind to ${backup.spec.source.kind}.`);
  }
  if (from === undefined)
    return wait('Waiting', `Waiting until Backup ${backup.metadata.name} is completed; it is ${phase ?? 'Pending'}.`);
  if (rival) return wait('RestoreQueued', `Restore ${rival.metadata.name} of ${kind} ${name} comes first.`);
  return kind === 'Database' ? admitDatabase(view, engines) : admitVolume(view);
}

/** The series of a version, within which data stay readable; undefined when this version is not known. Pure. */
export function seriesOf(series: readonly string[], version: string | undefined): string | undefined {
  return series.find((one) => version === one || version?.startsWith(`${one}.`));
}

function admitVolume({ restore, backup, volumeTarget }: RestoreView): Admission {
  if (!volumeTarget) return { do: 'begin', inPlace: false };
  const { name } = restore.spec.target;
  const { target, model } = volumeTarget;
  const { cluster, origin } = backup?.status ?? {};
  const owner = controllerOf(target);
  if (owner?.kind === 'Database')
    return refuse(
      'Rejected',
      `Volume ${name} is that of Database ${owner.name}. Restore a backup of the Database, or to a new name.`,
    );
  if (target.metadata.deletionTimestamp !== undefined)
    return refuse('Rejected', `Volume ${name} is being deleted. Restore to a new name.`);
  if (target.status.volid === undefined)
    return wait('VolumeUnused', `Volume ${name} was never made; it is restored once a guest has it.`);
  if (target.status.cluster !== cluster)
    return refuse(
      'Rejected',
      `Volume ${name} is on cluster ${target.status.cluster}, the backup on ${cluster}. Restore to a new name.`,
    );
  if (origin && quantityBytes(origin.size) > quantityBytes(target.spec.size)) {
    const words = `The backup has a volume of ${origin.size}, and Volume ${name} is to have ${target.spec.size}.`;
    return refuse('Rejected', `${words} Let it grow to ${origin.size} first, where the Service says its size too.`);
  }
  if (isExchanging(target)) return wait('RestoreQueued', `Volume ${name} is being given another disk already.`);
  if (!model)
    return wait(
      'ArtifactMissing',
      'There is no guest on the cluster from whose image one could be made to read what is restored.',
    );
  return { do: 'begin', inPlace: true };
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
