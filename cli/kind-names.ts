import { CliError } from './exit.ts';

/** What the command has to know of a kind to ask for it. */
export interface KindName {
  kind: string;
  plural: string;
  singular: string;
  shortNames: readonly string[];
  namespaced: boolean;
}

function named(kind: string, plural: string, namespaced: boolean, ...shortNames: string[]): KindName {
  return { kind, plural, singular: kind.toLowerCase(), shortNames, namespaced };
}

/**
 * The kinds by name alone, in the order in which they are applied, so that reading does not load their schemas; a test
 * holds this list against them.
 */
export const kindNames: readonly KindName[] = [
  named('Project', 'projects', false, 'proj'),
  named('Secret', 'secrets', true),
  named('ProxmoxCluster', 'proxmoxclusters', false, 'pve'),
  named('Builder', 'builders', false),
  named('Proxy', 'proxies', false),
  named('GitProvider', 'gitproviders', true),
  named('Volume', 'volumes', true, 'vol'),
  named('Database', 'databases', true, 'db'),
  named('Service', 'services', true, 'svc'),
  named('Build', 'builds', true),
  named('Deployment', 'deployments', true, 'deploy'),
  named('Job', 'jobs', true),
  named('Route', 'routes', true),
  named('Guest', 'guests', true),
  named('Backup', 'backups', true),
  named('Restore', 'restores', true),
  named('RepoSync', 'reposyncs', true, 'rs'),
  named('Event', 'events', true, 'ev'),
];

/** By kind, plural, singular or short name, in any case. Usage error that lists what there is for anything else. */
export function kindNamed(word: string): KindName {
  const wanted = word.toLowerCase();
  const found = kindNames.find(
    ({ singular, plural, shortNames }) => singular === wanted || plural === wanted || shortNames.includes(wanted),
  );
  if (found) return found;
  throw new CliError('usage', `There is no kind "${word}". Kinds: ${listedKinds()}.`);
}

/** The kinds as an error lists them. */
export function listedKinds(): string {
  return kindNames.map(({ plural }) => plural).join(', ');
}

/** An object as people name it: `service/web`. */
export interface Target {
  kind: KindName;
  name: string;
}

/** An object as the server finds it. */
export interface PlacedTarget extends Target {
  /** Undefined for kinds that are in no project. */
  namespace: string | undefined;
}

/** Reads `KIND/NAME ...` or `KIND NAME ...`; none for a kind alone. */
export function readTargets(words: readonly string[]): Target[] {
  const [first, ...rest] = words;
  if (first === undefined) return [];
  if (!first.includes('/')) {
    const kind = kindNamed(first);
    const mixed = rest.find((word) => word.includes('/'));
    if (mixed !== undefined) throw notOfTheForm(mixed);
    return rest.map((name) => ({ kind, name }));
  }
  return words.map((word) => {
    const [kind = '', name = '', ...more] = word.split('/');
    if (name === '' || more.length > 0) throw notOfTheForm(word);
    return { kind: kindNamed(kind), name };
  });
}

/** Like `readTargets`, each in its project; at least one. */
export function readPlacedTargets(words: readonly string[], namespace: string | undefined): PlacedTarget[] {
  const targets = readTargets(words);
  if (targets.length === 0) throw new CliError('usage', 'Name at least one object, as KIND/NAME.');
  return targets.map((target) => ({ ...target, namespace: placeOf(target.kind, namespace) }));
}

/** The one object that was named. */
export function readPlacedTarget(words: readonly string[], namespace: string | undefined): PlacedTarget {
  const [target, second] = readPlacedTargets(words, namespace);
  if (!target || second) throw new CliError('usage', 'Name one object, as KIND/NAME.');
  return target;
}

/** The project to look in, nothing for kinds that are in none. Usage error when it has to be named and is not. */
export function placeOf(kind: KindName, namespace: string | undefined): string | undefined {
  if (!kind.namespaced) return undefined;
  if (namespace === undefined || namespace === '')
    throw new CliError('usage', `${kind.plural} live in projects. Name one with -n PROJECT.`);
  return namespace;
}

/** `service/web`: how an object is shown to people. */
export function targetName({ kind, name }: Target): string {
  return `${kind.singular}/${name}`;
}

function notOfTheForm(word: string): CliError {
  return new CliError('usage', `"${word}" is not of the form KIND/NAME.`);
}
