import type { CheckedEntry } from './check-manifests.ts';
import type { ApiClient } from './client.ts';
import { dryRun, targetOf } from './dry-run.ts';
import { CliError } from './exit.ts';
import { forecastObjects } from './forecast/forecast-objects.ts';
import type { KnownWorld, ObjectChange } from './forecast/forecast.ts';
import { abandonedOf, requireFree } from './inventory.ts';
import { kindNamed } from './kind-names.ts';
import { diffLines } from './manifest-diff.ts';
import { shownName, type ApiObject } from './objects.ts';
import { baseOf, type Plan } from './plan-file.ts';

/** What an apply would do, worked out now: by the server's own dry run, and from the state that is stored. */
export async function makePlan(
  client: ApiClient,
  entries: readonly CheckedEntry[],
  options: Plan['options'],
): Promise<Plan> {
  const { fieldManager, forceConflicts, inventory, prune, pruneData } = options;
  const previews = await dryRun(client, entries, { fieldManager, force: forceConflicts });
  if (inventory !== undefined && !forceConflicts) for (const { before } of previews) requireFree(before, inventory);
  const stated = entries.map(targetOf);
  const abandoned =
    prune && inventory !== undefined
      ? (await abandonedOf(client, inventory, { stated, data: pruneData })).filter(({ kept }) => kept === undefined)
      : [];
  const changes: ObjectChange[] = [
    ...previews.map(({ change, before, after }): ObjectChange => {
      if (change === 'created') return { before, after, sign: '+' };
      const isChanged = change === 'configured' || diffLines(before, after).length > 0;
      return { before, after, sign: isChanged ? '~' : ' ' };
    }),
    ...abandoned.map(({ object }): ObjectChange => ({ before: object, after: undefined, sign: '-' })),
  ];
  const world = await knownWorld(client, changes);
  return {
    kind: 'ContainrPlan',
    version: 1,
    madeAt: new Date().toISOString(),
    server: client.url,
    options,
    manifests: entries.map(({ object }) => object),
    base: previews.map(({ before }, index) => baseOf(before, keyOf(stated[index], before))),
    pruned: abandoned.map(({ object }) => baseOf(object, { ...object.metadata, kind: object.kind })),
    diff: changes.flatMap(({ before, after }) => diffLines(before, after)),
    forecast: forecastObjects(changes, world),
  };
}

/** Usage error for a Secret with plain values: a plan is a file that people send around. */
export function refusePlainSecrets(entries: readonly CheckedEntry[]): void {
  const plain = entries.filter(({ object }) => object.kind === 'Secret' && object.spec?.['data'] !== undefined);
  if (plain.length === 0) return;
  throw new CliError(
    'usage',
    `A plan holds no secret values, and there are some in plain text: ${plain.map(({ object }) => shownName(object)).join(', ')}.`,
    ['Seal them (containr secret seal), or apply them by themselves first. Without -o nothing is written down.'],
  );
}

function keyOf(
  target: ReturnType<typeof targetOf> | undefined,
  before: ApiObject | undefined,
): Pick<Plan['base'][number], 'kind' | 'namespace' | 'name'> {
  const namespace = target?.namespace ?? before?.metadata.namespace;
  return {
    kind: target?.kind.kind ?? before?.kind ?? '',
    name: target?.name ?? before?.metadata.name ?? '',
    ...(namespace !== undefined && { namespace }),
  };
}

/** Of the projects that the changes touch. What somebody may not see is left out of the forecast, not guessed. */
async function knownWorld(client: ApiClient, changes: readonly ObjectChange[]): Promise<KnownWorld> {
  const touched = changes.flatMap(({ before, after, sign }) => (sign === ' ' ? [] : [after ?? before]));
  const projects = new Set(
    touched.flatMap((object) =>
      object?.kind === 'Project' ? object.metadata.name : (object?.metadata.namespace ?? []),
    ),
  );
  const all = async (name: string): Promise<ApiObject[]> => {
    const kind = kindNamed(name);
    const lists = await Promise.all(
      [...projects].map((namespace) => visible(client.list(kind, { namespace }).then(({ items }) => items))),
    );
    return lists.flatMap((items) => items ?? []).map((item) => ({ ...item, kind: kind.kind }));
  };
  const [guests, volumes, routes, clusters] = await Promise.all([
    all('Guest'),
    all('Volume'),
    all('Route'),
    visible(client.list(kindNamed('ProxmoxCluster')).then(({ items }) => items)),
  ]);
  return { guests, volumes, routes, clusters };
}

async function visible<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof CliError && (error.exit === 'forbidden' || error.exit === 'notFound')) return undefined;
    throw error;
  }
}
