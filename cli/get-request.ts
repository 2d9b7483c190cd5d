import { CliError } from './exit.ts';
import { kindNamed, listedKinds, placeOf, readTargets, type KindName } from './kind-names.ts';

export interface GetFlags {
  namespace?: string;
  allNamespaces?: boolean;
  selector?: string;
  fieldSelector?: string;
  output: string;
  watch?: boolean;
  sortBy?: string;
  headers: boolean;
  showManagedFields?: boolean;
}

/** What is asked for of one kind. */
export interface GetRequest {
  kind: KindName;
  /** None for all. */
  names: readonly string[];
  namespace: string | undefined;
  labels: string | undefined;
  fields: string | undefined;
}

/** Kinds that `get all` shows: what people run. */
const everyday = ['services', 'databases', 'deployments', 'builds', 'jobs', 'guests', 'volumes', 'routes'];

/** Reads `KIND`, `KIND,KIND`, `all`, `KIND NAME...` and `KIND/NAME...`. Usage error for what does not go together. */
export function readRequests(words: readonly string[], flags: GetFlags): GetRequest[] {
  const selects = flags.selector !== undefined || flags.fieldSelector !== undefined;
  return namesByKind(words).map(([kind, names]) => {
    if (names.length > 0 && selects) throw new CliError('usage', 'Use names or selectors, not both.');
    if (names.length > 0 && flags.allNamespaces && kind.namespaced)
      throw new CliError('usage', 'A name is of one project: use -n PROJECT in place of -A.');
    const namespace = flags.allNamespaces ? undefined : placeOrHint(kind, flags.namespace);
    return { kind, names, namespace, labels: flags.selector, fields: flags.fieldSelector };
  });
}

function namesByKind(words: readonly string[]): [KindName, string[]][] {
  const [first = '', ...rest] = words;
  if (first === '') throw new CliError('usage', `What shall be shown? Kinds: ${listedKinds()}.`);
  if (first === 'all' || first.includes(',')) {
    if (rest.length > 0) throw new CliError('usage', 'Names need one kind: use KIND NAME..., or KIND/NAME....');
    return (first === 'all' ? everyday : first.split(',')).map((word) => [kindNamed(word), []]);
  }
  if (rest.length === 0 && !first.includes('/')) return [[kindNamed(first), []]];
  const byKind = new Map<KindName, string[]>();
  for (const { kind, name } of readTargets(words)) byKind.set(kind, [...(byKind.get(kind) ?? []), name]);
  return [...byKind];
}

function placeOrHint(kind: KindName, namespace: string | undefined): string | undefined {
  if (!kind.namespaced || namespace !== undefined) return placeOf(kind, namespace);
  throw new CliError('usage', `${kind.plural} live in projects. Name one with -n PROJECT, or use -A for all.`);
}
