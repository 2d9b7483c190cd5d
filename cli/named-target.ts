import { CliError } from './exit.ts';
import { kindNamed, placeOf, readTargets, type PlacedTarget } from './kind-names.ts';

/** Reads `NAME` as one of the first kind, or `KIND/NAME` as one of these. Usage error for any other. */
export function namedTarget(
  word: string,
  kinds: readonly [string, ...string[]],
  namespace: string | undefined,
): PlacedTarget {
  const [first] = kinds;
  const [target] = word.includes('/') ? readTargets([word]) : [{ kind: kindNamed(first), name: word }];
  if (!target || !kinds.includes(target.kind.kind)) {
    const forms = [first.toUpperCase(), ...kinds.slice(1).map((kind) => `${kind.toLowerCase()}/NAME`)];
    throw new CliError('usage', `"${word}" is not what this is for. Name one as ${forms.join(' or ')}.`);
  }
  return { ...target, namespace: placeOf(target.kind, namespace) };
}

/** A name for what is asked for now: what it is of, and the second in UTC. */
export function datedName(name: string, now: Date): string {
  const second = now.toISOString().slice(0, 19).replaceAll(/\D/g, '');
  return `${name.slice(0, 40).replace(/[-.]+$/, '')}-${second}`;
}
