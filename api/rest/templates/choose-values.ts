import { randomInt } from 'node:crypto';
import { EnvText } from '../../../crds/names.ts';
import { nearest } from '../../../crds/nearest.ts';
import type { FieldProblem } from '../../../controller/errors.ts';
import type { Alphabet, TemplateVariable } from './template-variable.ts';
import { typeProblem } from './type-problem.ts';

/** A whole number from 0 to below `limit`, evenly and not to be guessed. */
export type RandomBelow = (limit: number) => number;

export type Chosen = { ok: true; values: ReadonlyMap<string, string> } | { ok: false; problems: FieldProblem[] };

/** How many unknown names are told of: a body may be full of them. */
const MOST_TOLD = 16;

/**
 * The value of each variable that has one: as given, else as usual, else made at random. An empty text counts as not given.
 * Otherwise every variable that is unknown, missing or wrong, by name and without its value.
 */
export function chooseValues(
  variables: readonly TemplateVariable[],
  given: ReadonlyMap<string, string>,
  random: RandomBelow = randomInt,
): Chosen {
  const known = variables.map(({ key }) => key);
  const problems = [...given.keys()]
    .filter((key) => !known.includes(key))
    .slice(0, MOST_TOLD)
    .map((key) => ({ path: `variables.${key.slice(0, 64)}`, message: unknown(key, known) }));

  const values = new Map<string, string>();
  for (const variable of variables) {
    const text = given.get(variable.key) || variable.default;
    const message = text === undefined ? missing(variable) : valueProblem(variable, text);
    if (message !== undefined) problems.push({ path: `variables.${variable.key}`, message });
    else if (text !== undefined) values.set(variable.key, text);
    else if (variable.generated) values.set(variable.key, randomText(variable.generated, random));
  }
  return problems.length > 0 ? { ok: false, problems } : { ok: true, values };
}

function unknown(key: string, known: readonly string[]): string {
  const meant = nearest(key, known);
  if (meant !== undefined) return `is no variable of this template; did you mean "${meant}"?`;
  return known.length === 0
    ? 'is not known: this template has no variables'
    : `is not known; known are ${known.join(', ')}`;
}

function missing({ required, label, engines }: TemplateVariable): string | undefined {
  if (!required) return undefined;
  if (!engines) return `is required: ${label}`;
  const [first = ''] = engines;
  return `is required: the name or id of a database (${engines.join(' or ')}) in the same project; the template "${first}" makes one`;
}

function valueProblem({ type, minLength }: TemplateVariable, text: string): string | undefined {
  const [issue] = EnvText.safeParse(text).error?.issues ?? [];
  if (issue) return issue.message;
  if (minLength !== undefined && text.length < minLength) return `must be at least ${minLength} characters long`;
  return typeProblem(type, text);
}

const characters: Readonly<Record<Alphabet, string>> = {
  alphanumeric: 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789',
  hex: '0123456789abcdef',
};

function randomText({ length, alphabet }: { length: number; alphabet: Alphabet }, random: RandomBelow): string {
  const from = characters[alphabet];
  return Array.from({ length }, () => from[random(from.length)]).join('');
}
