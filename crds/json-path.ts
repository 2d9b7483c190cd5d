/**
 * The values that a path finds in `root`, in order; none when there is nothing. Takes the paths of printer columns, with or
 * without a leading `$` or braces: `.a.b`, `['a']`, `[0]`, `[-1]`, `[*]`, `.*`, `[?(@.type=="Ready")]`, `[?(@.a!="b")]`.
 * Undefined for anything else.
 */
export function findByPath(path: string, root: unknown): unknown[] | undefined {
  const steps = stepsOf(path);
  return steps?.reduce<unknown[]>((found, step) => found.flatMap((value) => follow(step, value)), [root]);
}

type Step =
  | { type: 'field'; name: string }
  | { type: 'index'; at: number }
  | { type: 'all' }
  | { type: 'filter'; path: string; equal: boolean; value: string };

const known = new Map<string, Step[] | undefined>();

function stepsOf(path: string): Step[] | undefined {
  if (!known.has(path)) {
    // Paths can come from requests, so what is remembered has a bound.
    if (known.size >= 500) known.clear();
    known.set(path, parseSteps(path));
  }
  return known.get(path);
}

const field = /^\.([A-Za-z_][A-Za-z0-9_-]*)|^\[(?:'([^']*)'|"([^"]*)")\]/;
const index = /^\[(-?\d{1,9})\]/;
const all = /^(?:\[\*\]|\.\*)/;
const filter = /^\[\?\(\s*@(\.[A-Za-z0-9_.-]+)\s*(==|!=)\s*(?:"([^"]*)"|'([^']*)'|([A-Za-z0-9.-]+))\s*\)\]/;

function parseSteps(path: string): Step[] | undefined {
  let rest = path.trim();
  if (rest.startsWith('{') && rest.endsWith('}')) rest = rest.slice(1, -1).trim();
  if (rest.startsWith('$')) rest = rest.slice(1);
  const steps: Step[] = [];
  while (rest !== '') {
    const read = readStep(rest);
    if (!read) return undefined;
    steps.push(read.step);
    rest = rest.slice(read.length);
  }
  return steps;
}

function readStep(text: string): { step: Step; length: number } | undefined {
  const everything = all.exec(text);
  if (everything) return { step: { type: 'all' }, length: everything[0].length };
  const named = field.exec(text);
  if (named) return { step: { type: 'field', name: named[1] ?? named[2] ?? named[3] ?? '' }, length: named[0].length };
  const numbered = index.exec(text);
  if (numbered) return { step: { type: 'index', at: Number(numbered[1]) }, length: numbered[0].length };
  const filtered = filter.exec(text);
  if (!filtered) return undefined;
  const [whole, path = '', operator, ...values] = filtered;
  const value = values.find((candidate) => candidate !== undefined) ?? '';
  return { step: { type: 'filter', path, equal: operator === '==', value }, length: whole.length };
}

function follow(step: Step, value: unknown): unknown[] {
  if (typeof value !== 'object' || value === null) return [];
  switch (step.type) {
    case 'field': {
      const child: unknown = Object.hasOwn(value, step.name) ? Reflect.get(value, step.name) : undefined;
      return child === undefined || child === null ? [] : [child];
    }
    case 'index':
      return Array.isArray(value) ? value.slice(step.at, step.at === -1 ? undefined : step.at + 1) : [];
    case 'all':
      return Object.values(value);
    case 'filter':
      return Object.values(value).filter((item) => matches(step.path, item, step.value) === step.equal);
    default:
      return step satisfies never;
  }
}

function matches(path: string, item: unknown, value: string): boolean {
  return (findByPath(path, item) ?? []).some((found) => typeof found !== 'object' && String(found) === value);
}
