import { Backup } from '../../crds/backup.ts';
import type { Database } from '../../crds/database.ts';
import type { ResourceReader } from '../../controller/reconciler.ts';
import { restorableFrom } from '../../crds/restorable-from.ts';
import type { Trouble } from '../shared/trouble.ts';
import type { EngineDefinition } from './engines/engine-definition.ts';
import { chooseVersion } from './engines/engine-version.ts';
import type { ReadSecret } from './observe.ts';

/** The backup that a new database is to begin with, and the login that its data know; or why it cannot be had. */
export type DatabaseSource =
  | { ok: true; backup: string; size: string | undefined; series: string; login: Readonly<Record<string, string>> }
  | ({ ok: false; isFinal: boolean } & Trouble);

/** Undefined for a database that begins empty. Reads only the cache. */
export function sourceOf(
  { metadata, spec }: Database,
  definition: EngineDefinition,
  read: ResourceReader,
  readSecret: ReadSecret,
): DatabaseSource | undefined {
  if (!spec.source) return undefined;
  const { namespace = '' } = metadata;
  const { backup: name } = spec.source;
  const backup = read.get(Backup, { namespace, name });
  if (!backup) return none('BackupNotFound', `There is no Backup ${name}. Name one that exists.`);
  const { phase, engine, version, origin, credentialsSecretRef } = backup.status;
  const from = restorableFrom(backup);
  if (phase === 'Failed' || (phase === 'Expired' && from === undefined))
    return none('BackupNotFound', `Backup ${name} is ${phase}. Name one that is Completed.`);
  if (from === undefined) {
    const message = `Waiting until Backup ${name} is completed; it is ${phase ?? 'Pending'}.`;
    return { ok: false, isFinal: false, reason: 'Waiting', message };
  }
  if (engine !== definition.engine)
    return none(
      'Rejected',
      `Backup ${name} is one of ${engine ?? 'a volume'}. Set spec.engine to that, or name another.`,
    );
  const choice = chooseVersion(definition, version);
  if (!choice.ok) return none('Rejected', `Backup ${name}: ${choice.message}`);
  const reading = readSecret(namespace, credentialsSecretRef?.name ?? '');
  if (!reading.ok) return none(reading.reason, `The login of Backup ${name} cannot be had: ${reading.message}`);
  return { ok: true, backup: name, size: origin?.size, series: choice.series, login: reading.values };
}

function none(reason: Trouble['reason'], message: string): DatabaseSource {
  return { ok: false, isFinal: true, reason, message };
}
