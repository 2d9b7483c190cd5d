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

/** The kinds by name alone, so that reading does not load their schemas; a test holds this list against them. */
export const kindNames: readonly KindName[] = [
  named('Project', 'projects', false, 'proj'),
  named('Secret', 'secrets', true),
  named('ProxmoxCluster', 'proxmoxclusters', false, 'pve'),
  named('Builder', 'builders', false),
  named('Service', 'services', true, 'svc'),
  named('Build', 'builds', true),
  named('Deployment', 'deployments', true, 'deploy'),
  named('Guest', 'guests', true),
  named('Event', 'events', true, 'ev'),
];

/** By kind, plural, singular or short name, in any case. Usage error that lists what there is for anything else. */
export function kindNamed(word: string): KindName {
  const wanted = word.toLowerCase();
  const found = kindNames.find(
    ({ singular, plural, shortNames }) => singular === wanted || plural === wanted || shortNames.includes(wanted),
  );
  if (found) return found;
  throw new CliError(
    'usage',
    `There is no kind "${word}". Kinds: ${kindNames.map(({ plural }) => plural).join(', ')}.`,
  );
}

/** An object as people name it: `service/web`. */
export interface Target {
  kind: KindName;
  name: string;
}

/** Reads `KIND/NAME ...` or `KIND NAME ...`. */
export function readTargets(words: readonly string[]): Target[] {
  const [first = '', ...rest] = words;
  if (first.includes('/')) {
    return words.map((word) => {
      const [kind = '', name = '', ...more] = word.split('/');
      if (name === '' || more.length > 0) throw new CliError('usage', `"${word}" is not of the form KIND/NAME.`);
      return { kind: kindNamed(kind), name };
    });
  }
  const kind = kindNamed(first);
  return rest.map((name) => ({ kind, name }));
}
