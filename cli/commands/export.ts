import { stringify } from 'yaml';
import type { ApiClient } from '../client.ts';
import { CliError } from '../exit.ts';
import { kindNamed, kindNames, type KindName } from '../kind-names.ts';
import { shownName, type ApiObject } from '../objects.ts';
import { secretKeys } from '../shown-manifest.ts';
import { plainLine, type Say } from '../text.ts';

/** Made by loops, or a record of what ran: applied again, it would run again. */
const unstated = new Set(['Event', 'Guest', 'Route', 'Build', 'Deployment', 'Job', 'Backup', 'Restore']);

/** Notes of the controller and of other tools, which mean nothing on another object. */
const noise = /^(?:containr\.dev\/|kubectl\.kubernetes\.io\/last-applied-configuration$)/;

/**
 * Says everything that people stated of a project as YAML that can be applied, in the order of applying: without what the
 * server added and what loops made. Of secrets there are the keys, in comments.
 */
export async function exportProject(client: ApiClient, namespace: string, say: Say): Promise<void> {
  const project = await client.get({ kind: kindNamed('Project'), name: namespace, namespace: undefined });
  const kinds = kindNames.filter(({ kind, namespaced }) => namespaced && !unstated.has(kind));
  const lists = await Promise.all(kinds.map((kind) => statedOf(client, kind, namespace)));
  const objects = [project, ...lists.flat()];
  say(`# What was stated of the project ${namespace}. Apply it with: containr apply -f FILE`);
  for (const object of objects) {
    say('---');
    if (object.kind === 'Secret' && hiddenKeys(object).length > 0) for (const line of secretLines(object)) say(line);
    else say(stringify(manifestOf(object), { aliasDuplicateObjects: false, lineWidth: 0 }).trimEnd());
  }
}

async function statedOf(client: ApiClient, kind: KindName, namespace: string): Promise<ApiObject[]> {
  try {
    const { items } = await client.list(kind, { namespace });
    return items.filter(isStated).map((item) => ({ apiVersion: 'containr.dev/v1alpha1', ...item, kind: kind.kind }));
  } catch (error) {
    if (!(error instanceof CliError) || error.exit !== 'forbidden') throw error;
    process.stderr.write(`${kind.plural} are left out: ${error.message}\n`);
    return [];
  }
}

function isStated({ metadata }: ApiObject): boolean {
  return metadata.deletionTimestamp === undefined && (metadata.ownerReferences ?? []).length === 0;
}

function manifestOf({ apiVersion, kind, metadata, spec }: ApiObject): object {
  const annotations = ownOnly(metadata.annotations);
  const labels = ownOnly(metadata.labels);
  return {
    apiVersion,
    kind,
    metadata: {
      name: metadata.name,
      ...(metadata.namespace !== undefined && { namespace: metadata.namespace }),
      ...(labels && { labels }),
      ...(annotations && { annotations }),
    },
    ...(spec && { spec: kind === 'Volume' ? withoutGuest(spec) : spec }),
  };
}

/** Which guest has a volume is for the controller to say. */
function withoutGuest(spec: Readonly<Record<string, unknown>>): object {
  return Object.fromEntries(Object.entries(spec).filter(([field]) => field !== 'guest'));
}

function ownOnly(map: Readonly<Record<string, string>> = {}): Record<string, string> | undefined {
  const kept = Object.entries(map).filter(([key]) => !noise.test(key));
  return kept.length === 0 ? undefined : Object.fromEntries(kept);
}

/** What a Secret holds besides sealed values, which are safe to show. */
function hiddenKeys({ spec = {}, status }: ApiObject): string[] {
  const sealed = spec['sealed'];
  const shown = new Set(typeof sealed === 'object' && sealed !== null ? Object.keys(sealed) : []);
  return secretKeys(status)
    .map(({ name }) => name)
    .filter((name) => !shown.has(name));
}

/** Applied as it stands it would state no values, and a Secret without values would break what uses it: all in comments. */
function secretLines(object: ApiObject): string[] {
  const data = Object.fromEntries(hiddenKeys(object).map((name) => [name, '']));
  const manifest = stringify(manifestOf({ ...object, spec: { ...object.spec, data } }), { lineWidth: 0 });
  const lines = manifest.trimEnd().split('\n');
  return [
    `# ${plainLine(shownName(object))}: values of secrets are never shown. Fill them in and remove the "# " before the lines,`,
    '# or leave this as it is: an apply then keeps the Secret that is there.',
    ...lines.map((line) => `# ${line}`),
  ];
}
