import { z } from 'zod';

/** What zod found, before it has words. */
export type RawProblem = z.core.$ZodRawIssue;

/** What is wrong with one value, in words that follow the name of its field: `must be ...`, `expected ..., got ...`. */
export function problemText(problem: RawProblem): string | undefined {
  if (problem.input === undefined && isAbout(problem, 'invalid_type', 'invalid_value', 'invalid_union')) {
    return `is required${choices(problem)}`;
  }
  switch (problem.code) {
    case 'invalid_type':
      return `expected ${expectedOf(problem.inst, problem.expected)}, got ${shown(problem.input)}`;
    case 'invalid_value':
      return `must be one of ${problem.values.map((value) => shown(value)).join(', ')}, got ${shown(problem.input)}`;
    case 'too_small':
      return tooSmall(problem.origin, problem.minimum);
    case 'too_big':
      return tooBig(problem.origin, problem.maximum);
    case 'invalid_format':
      return formatNames[problem.format];
    case 'invalid_union':
      return unionText(problem.errors, problem.input);
    case 'invalid_key':
      return problem.issues[0]?.message;
    default:
      return undefined;
  }
}

/** Zod says "number" of what must be a whole one too, unless it got a fraction. */
function expectedOf(schema: unknown, expected: string): string {
  return schema instanceof z.ZodNumberFormat ? 'a whole number' : typeName(expected);
}

function isAbout(problem: RawProblem, ...codes: RawProblem['code'][]): boolean {
  return codes.includes(problem.code);
}

function choices(problem: RawProblem): string {
  return problem.code === 'invalid_value' ? ` (one of ${problem.values.map((value) => shown(value)).join(', ')})` : '';
}

/** A union of plain types reads as "a or b"; anything richer brings its own words in the schema. */
function unionText(errors: readonly (readonly z.core.$ZodIssue[])[], input: unknown): string | undefined {
  const expected: string[] = [];
  for (const [first, ...more] of errors) {
    if (first?.code !== 'invalid_type' || first.path.length > 0 || more.length > 0) return undefined;
    expected.push(typeName(first.expected));
  }
  return expected.length === 0 ? undefined : `expected ${expected.join(' or ')}, got ${shown(input)}`;
}

function tooSmall(origin: string, minimum: number | bigint): string {
  if (origin === 'string') return minimum === 1 ? 'must not be empty' : `must be at least ${minimum} characters long`;
  if (origin === 'array')
    return minimum === 1 ? 'must have at least one entry' : `must have at least ${minimum} entries`;
  return `must be at least ${minimum}`;
}

function tooBig(origin: string, maximum: number | bigint): string {
  if (origin === 'string') return `must be at most ${maximum} characters long`;
  if (origin === 'array') return `must have at most ${maximum} entries`;
  return `must be at most ${maximum}`;
}

const formatNames: Readonly<Record<string, string>> = {
  ipv4: 'must be an IPv4 address',
  cidrv4: 'must be an IPv4 network such as "10.40.0.0/24"',
};

function typeName(expected: string): string {
  return typeNames[expected] ?? expected;
}

const typeNames: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a map of fields',
  record: 'a map of names and values',
};

/** A value as it may be shown: short, and never the inside of a list or a map. */
function shown(value: unknown): string {
  if (value === null) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a map';
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
