import { z } from 'zod';
import { Backup } from '../../crds/backup.ts';
import { Database, DatabaseEngine, DatabasePlan } from '../../crds/database.ts';
import { DnsLabel } from '../../crds/names.ts';
import type { ApiContext } from '../context.ts';
import { answer } from './answer.ts';
import { backUp, restore } from './databases/backup-actions.ts';
import { connectionUrls, type TellConnectionUrl } from './databases/connection-url.ts';
import { databaseStatus, databaseView } from './databases/database-view.ts';
import { defaultProject } from './databases/default-project.ts';
import { DisplayName, shownName } from './display-name.ts';
import { findObject } from './find-object.ts';
import { newestFirst } from './page.ts';
import { readJson } from './read-request.ts';
import type { RestApp, RestDeps } from './rest-deps.ts';
import { RestError } from './rest-error.ts';
import { changeSpec, createNamed, deleteObject } from './write-object.ts';

const CreateDatabase = z.strictObject({
  name: DisplayName,
  type: DatabaseEngine,
  plan: DatabasePlan,
  region: DnsLabel,
});
const UpdateDatabase = CreateDatabase.pick({ name: true, plan: true }).partial();
const ActOnDatabase = z.strictObject({ action: z.enum(['start', 'stop', 'restart']) });

const fields = { 'spec.displayName': 'name', 'spec.engine': 'type', 'spec.plan': 'plan', 'spec.region': 'region' };

/** The tag Databases. What it writes is desired state; the loops of Database, Backup and Restore carry it out. */
export function mountDatabases(app: RestApp, deps: RestDeps): void {
  app.get('/databases', (context) => listDatabases(context, deps));
  app.post('/databases', (context) => createDatabase(context, deps));
  app.get('/databases/:id', async (context) => {
    const database = await findObject(context, deps, Database, { id: context.req.param('id') });
    const { items } = await deps.store.list(Backup, { namespace: database.metadata.namespace });
    const tell = await connectionUrls(deps, context.get('identity'));
    return answer(context, await viewOf(database, items, tell), { object: database });
  });
  app.put('/databases/:id', (context) => updateDatabase(context, deps, context.req.param('id')));
  app.delete('/databases/:id', (context) => deleteDatabase(context, deps, context.req.param('id')));
  app.post('/databases/:id/action', (context) => actOnDatabase(context, deps, context.req.param('id')));
  app.post('/databases/:id/backup', (context) => backUp(context, deps, context.req.param('id')));
  app.post('/databases/:id/restore', (context) => restore(context, deps, context.req.param('id')));
}

async function listDatabases(context: ApiContext, deps: RestDeps): Promise<Response> {
  const identity = context.get('identity');
  const visibility = await deps.authorizer.visibility(identity, { verb: 'list', kind: Database.kind });
  const databases = (await deps.store.list(Database)).items
    .filter((database) => database.metadata.deletionTimestamp === undefined && visibility.sees(database))
    .toSorted(newestFirst);
  const backups = databases.length === 0 ? [] : (await deps.store.list(Backup)).items;
  const tell = await connectionUrls(deps, identity);
  return answer(context, {
    databases: await Promise.all(databases.map((database) => viewOf(database, backups, tell))),
  });
}

async function viewOf(database: Database, all: readonly Backup[], tell: TellConnectionUrl): Promise<object> {
  const { namespace, name } = database.metadata;
  const backups = all.filter(
    ({ metadata, spec: { source } }) =>
      metadata.namespace === namespace && source.kind === Database.kind && source.name === name,
  );
  return databaseView(database, { backups, connectionUrl: await tell(database) });
}

async function createDatabase(context: ApiContext, deps: RestDeps): Promise<Response> {
  const { name, type, plan, region } = await readJson(context, CreateDatabase);
  const namespace = await defaultProject(context, deps);
  const spec = { displayName: name, engine: type, plan, region };
  const made = await createNamed(context, deps, Database, { namespace, displayName: name, spec }, fields);
  const message = `The database is being provisioned, in the project "${namespace}".`;
  return answer(context, { id: made.metadata.uid, message, status: 'building' }, { code: 201, object: made });
}

async function updateDatabase(context: ApiContext, deps: RestDeps, id: string): Promise<Response> {
  const existing = await findObject(context, deps, Database, { id, verb: 'update' });
  const { name, plan } = await readJson(context, UpdateDatabase);
  const changed = await changeSpec(
    context,
    deps,
    Database,
    {
      existing,
      stated: ({ spec }) => [name !== undefined && spec.displayName, plan !== undefined && spec.plan],
      change: ({ spec }) => ({
        ...spec,
        ...(name !== undefined && { displayName: name }),
        ...(plan !== undefined && { plan }),
      }),
    },
    fields,
  );
  return answer(context, { message: `The database "${shownName(changed)}" is changed.` }, { object: changed });
}

async function deleteDatabase(context: ApiContext, deps: RestDeps, id: string): Promise<Response> {
  const database = await findObject(context, deps, Database, { id, verb: 'delete' });
  const shown = shownName(database);
  await deleteObject(context, deps, Database, database);
  const kept = database.spec.retain ? ' Its volume is kept.' : '';
  return answer(context, { message: `The database "${shown}" is being deleted.${kept}` });
}

async function actOnDatabase(context: ApiContext, deps: RestDeps, id: string): Promise<Response> {
  const existing = await findObject(context, deps, Database, { id, verb: 'update' });
  const { action } = await readJson(context, ActOnDatabase);
  if (action === 'restart' && existing.spec.power === 'stopped') {
    throw new RestError('conflict', `The database "${shownName(existing)}" is stopped. Start it instead.`);
  }
  const restartedAt = deps.clock.now().toISOString();
  const changed = await changeSpec(context, deps, Database, {
    existing,
    stated: ({ spec }) => (action === 'restart' ? spec.restartedAt : spec.power),
    change: ({ spec }) => {
      switch (action) {
        case 'start':
          return { ...spec, power: 'running' };
        case 'stop':
          return { ...spec, power: 'stopped' };
        case 'restart':
          return { ...spec, restartedAt };
        default:
          return action satisfies never;
      }
    },
  });
  const message = `The ${action} of the database "${shownName(changed)}" is recorded and will be carried out.`;
  return answer(context, { message, status: databaseStatus(changed) }, { object: changed });
}
