import { z } from 'zod';
import { Backup, Restore } from '../../../crds/backup.ts';
import { Database } from '../../../crds/database.ts';
import { restorableFrom } from '../../../crds/restorable-from.ts';
import type { ApiContext } from '../../context.ts';
import { answer } from '../answer.ts';
import { shownName } from '../display-name.ts';
import { findObject } from '../find-object.ts';
import { readJson } from '../read-request.ts';
import type { RestDeps } from '../rest-deps.ts';
import { RestError } from '../rest-error.ts';
import { createNamed } from '../write-object.ts';

const RestoreDatabase = z.strictObject({ backup_id: z.string() });

/** Asks for a backup of a database now; 201 before anything of it is taken. */
export async function backUp(context: ApiContext, deps: RestDeps, id: string): Promise<Response> {
  const database = await findObject(context, deps, Database, { id });
  const { namespace, name } = database.metadata;
  await deps.authorizer.check(context.get('identity'), { verb: 'create', kind: Backup.kind, namespace });
  const made = await createNamed(context, deps, Backup, {
    namespace,
    displayName: dated(name, deps),
    spec: {
      source: { kind: Database.kind, name },
      mode: 'snapshot',
      trigger: 'manual',
      verify: database.spec.backup.verify,
    },
  });
  const message = `A backup of the database "${shownName(database)}" is begun.`;
  return answer(context, { backup_id: made.metadata.uid, message, status: 'in_progress' }, { code: 201, object: made });
}

/** Asks for a completed backup to be brought back in place of the data that a database has now. */
export async function restore(context: ApiContext, deps: RestDeps, id: string): Promise<Response> {
  const database = await findObject(context, deps, Database, { id });
  const { namespace, name } = database.metadata;
  await deps.authorizer.check(context.get('identity'), { verb: 'create', kind: Restore.kind, namespace });
  const { backup_id } = await readJson(context, RestoreDatabase);
  const backup = await findObject(context, deps, Backup, { id: backup_id });
  requireRestorable(database, backup);

  const running = (await deps.store.list(Restore, { namespace })).items.find(
    ({ spec, status }) =>
      spec.target.kind === Database.kind &&
      spec.target.name === name &&
      status.phase !== 'Completed' &&
      status.phase !== 'Failed',
  );
  const shown = shownName(database);
  if (running) {
    throw new RestError('conflict', `The database "${shown}" is being restored already. Wait until that has ended.`);
  }
  if (database.spec.power === 'stopped') {
    throw new RestError('conflict', `The database "${shown}" is stopped. Start it; a restore proves itself on it.`);
  }
  const made = await createNamed(context, deps, Restore, {
    namespace,
    displayName: dated(name, deps),
    spec: { backup: backup.metadata.name, target: { kind: Database.kind, name } },
  });
  const from = backup.status.takenAt ?? backup.metadata.creationTimestamp;
  const message = `The restore of the database "${shown}" from the backup of ${from} is begun. It is the Restore ${made.metadata.name} of the project ${namespace}; what the database holds now is kept as a volume.`;
  return answer(context, { message });
}

function requireRestorable(database: Database, backup: Backup): void {
  const { source } = backup.spec;
  const { namespace, name } = database.metadata;
  if (backup.metadata.namespace !== namespace || source.kind !== Database.kind || source.name !== name) {
    throw new RestError('conflict', `The backup is not one of the database "${shownName(database)}".`);
  }
  if (restorableFrom(backup) === undefined) {
    const state = backup.status.phase === 'Expired' ? 'is expired, and has no copy' : 'is not completed';
    throw new RestError('conflict', `The backup ${state}; only completed backups can be restored.`);
  }
  const { engine } = backup.status;
  if (engine !== undefined && engine !== database.spec.engine) {
    throw new RestError('conflict', `The backup is one of ${engine}; the database runs ${database.spec.engine}.`);
  }
}

/** A name that says what it is of and when it was asked for. */
function dated(name: string, { clock }: Pick<RestDeps, 'clock'>): string {
  const second = clock.now().toISOString().slice(0, 19).replaceAll(/\D/g, '');
  return `${name.slice(0, 24)}-${second}`;
}
