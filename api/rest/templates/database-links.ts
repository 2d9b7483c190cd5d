import { z } from 'zod';
import { Database } from '../../../crds/database.ts';
import type { FieldProblem } from '../../../controller/errors.ts';
import type { ResourceStore } from '../../../controller/store/store.ts';
import type { Chosen } from './choose-values.ts';
import type { TemplateVariable } from './template-variable.ts';

/** The same values with the names of the databases that they mean, which must be in the project and of an engine that fits. */
export async function linkDatabases(
  store: Pick<ResourceStore, 'get' | 'getByUid'>,
  namespace: string,
  variables: readonly TemplateVariable[],
  values: ReadonlyMap<string, string>,
): Promise<Chosen> {
  const linked = new Map(values);
  const problems: FieldProblem[] = [];
  for (const { key, engines } of variables) {
    const wanted = values.get(key);
    if (!engines || wanted === undefined) continue;
    const database = await findDatabase(store, namespace, wanted);
    const message = linkProblem(database, engines);
    if (message !== undefined) problems.push({ path: `variables.${key}`, message });
    else if (database) linked.set(key, database.metadata.name);
  }
  return problems.length > 0 ? { ok: false, problems } : { ok: true, values: linked };
}

async function findDatabase(
  store: Pick<ResourceStore, 'get' | 'getByUid'>,
  namespace: string,
  wanted: string,
): Promise<Database | undefined> {
  const found = z.guid().safeParse(wanted).success
    ? await store.getByUid(Database, wanted)
    : await store.get(Database, { namespace, name: wanted });
  if (found?.metadata.namespace !== namespace || found.metadata.deletionTimestamp !== undefined) return undefined;
  return found;
}

function linkProblem(database: Database | undefined, engines: readonly string[]): string | undefined {
  const [first = ''] = engines;
  if (!database) return `names no database of this project; deploy the template "${first}" there first`;
  const { engine } = database.spec;
  return engines.includes(engine) ? undefined : `names a database of ${engine}; this needs ${engines.join(' or ')}`;
}
