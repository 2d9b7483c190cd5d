import { checkFormat } from './formats.ts';
import type { Parameter, PropertyFormat, StringParameter } from './parameter.ts';

/** A property string taken apart, or what is wrong with it in Proxmox's words. */
export type ReadProperties = { problem: string } | { problem?: undefined; properties: Map<string, string> };

/** Reads `key=value,key=value`. Booleans come out as 1 and 0. The problem's lines lack the last newline. */
export function readProperties(format: PropertyFormat, text: string, name = ''): ReadProperties {
  const properties = new Map<string, string>();
  for (const part of text.split(',')) {
    if (part.trim() === '') continue;
    const pair = /^\s*([^=]+)=(.+)$/s.exec(part);
    const key = pair?.[1] ?? (part.includes('=') ? undefined : format.defaultKey);
    if (key === undefined) return { problem: 'missing key in comma-separated list property' };
    if (properties.has(key)) return { problem: `duplicate key in comma-separated list property: ${key}` };
    const value = pair?.[2] ?? part;
    properties.set(key, format.properties[key]?.type === 'boolean' ? readBoolean(value) : value);
  }
  const problems = findProblems(format, properties);
  if (problems.length === 0) return { properties };
  const lines = problems.map(([key, problem]) => `${name === '' ? '' : `${name}.`}${key}: ${problem}`);
  return { problem: ['format error', ...lines].join('\n') };
}

/** Writes properties as Proxmox does: the default key's bare value, then what is required, then the rest by name. */
export function printProperties(format: PropertyFormat, properties: ReadonlyMap<string, string>): string {
  const rank = (key: string): number => {
    if (key === format.defaultKey) return 0;
    return format.properties[key]?.optional ? 2 : 1;
  };
  return [...properties]
    .sort(([a], [b]) => rank(a) - rank(b) || (a < b ? -1 : 1))
    .map(([key, value]) => (key === format.defaultKey ? value : `${key}=${value}`))
    .join(',');
}

function findProblems(format: PropertyFormat, properties: ReadonlyMap<string, string>): [string, string][] {
  const problems: [string, string][] = [];
  for (const [key, value] of properties) {
    const property = format.properties[key];
    const problem = property
      ? checkValue(property, value)
      : 'property is not defined in schema and the schema does not allow additional properties';
    if (problem !== undefined) problems.push([key, problem]);
  }
  for (const [key, property] of Object.entries(format.properties)) {
    if (!property.optional && !properties.has(key)) {
      problems.push([key, 'property is missing and it is not optional']);
    }
  }
  return problems.sort(([a], [b]) => (a < b ? -1 : 1));
}

function readBoolean(value: string): string {
  if (/^(1|on|yes|true)$/i.test(value)) return '1';
  if (/^(0|off|no|false)$/i.test(value)) return '0';
  return value;
}

/** What is wrong with one value, in Proxmox's words, or undefined. */
export function checkValue(parameter: Parameter, value: string, name = ''): string | undefined {
  switch (parameter.type) {
    case 'array':
      return undefined;
    case 'boolean':
      return /^[01]$/.test(value) ? undefined : typeProblem('boolean', value);
    case 'integer':
      if (!/^[+-]?\d+$/.test(value)) return typeProblem('integer', value);
      return formatProblem(parameter.format, value, name) ?? rangeProblem(parameter, Number(value));
    case 'number':
      if (!/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(value)) return typeProblem('number', value);
      return rangeProblem(parameter, Number(value));
    case 'string':
      return stringProblem(parameter, value, name);
    default:
      return parameter satisfies never;
  }
}

function stringProblem(parameter: StringParameter, value: string, name: string): string | undefined {
  const { format, pattern, enum: allowed, minLength = 0, maxLength = Infinity } = parameter;
  const problem = formatProblem(format, value, name);
  if (problem !== undefined) return problem;
  if (pattern && !pattern.test(value)) return 'value does not match the regex pattern';
  if (value.length > maxLength) return `value may only be ${maxLength} characters long`;
  if (value.length < minLength) return `value must be at least ${minLength} characters long`;
  if (allowed && !allowed.includes(value)) {
    return `value '${value}' does not have a value in the enumeration '${allowed.join(', ')}'`;
  }
  return undefined;
}

function formatProblem(format: StringParameter['format'], value: string, name: string): string | undefined {
  if (format === undefined) return undefined;
  const problem = typeof format === 'string' ? checkFormat(format, value) : readProperties(format, value, name).problem;
  return problem === undefined ? undefined : `invalid format - ${problem}\n`;
}

function rangeProblem({ minimum, maximum }: { minimum?: number; maximum?: number }, value: number): string | undefined {
  if (minimum !== undefined && value < minimum) return `value must have a minimum value of ${minimum}`;
  if (maximum !== undefined && value > maximum) return `value must have a maximum value of ${maximum}`;
  return undefined;
}

/** The text for a value of the wrong type. */
export function typeProblem(type: string, got: string): string {
  return `type check ('${type}') failed - got '${got}'`.replace(/'(ARRAY|HASH|JSON::PP::Boolean)'$/, '$1');
}
