import { invalidParameters } from '../refusal.ts';
import { Arguments } from './arguments.ts';
import { findParameter, type Parameter, type ParameterTable } from './parameter.ts';
import { checkValue, typeProblem } from './property-string.ts';

/** What came over the wire under one name: text from a form, anything from JSON. */
export type RawParameters = Readonly<Record<string, unknown>>;

const unknown = 'property is not defined in schema and the schema does not allow additional properties';
const missing = 'property is missing and it is not optional';

/** Holds a call's parameters against its table. Throws the refusal that names every bad one. */
export function validateParameters(raw: RawParameters, table: ParameterTable): Arguments {
  const values = new Map<string, string | readonly string[]>();
  const errors: Record<string, string> = {};
  for (const [name, given] of Object.entries(raw)) {
    const parameter = findParameter(table, name);
    if (!parameter) {
      errors[name] = unknown;
      continue;
    }
    if (given === undefined || given === null) continue;
    const read = readValue(name, parameter, given);
    if (read.problem === undefined) values.set(name, read.value);
    else errors[name] = read.problem;
    const { requires } = parameter;
    if (requires !== undefined && (raw[requires] ?? undefined) === undefined) {
      errors[requires] = `missing property required by '${name}'`;
    }
  }
  for (const [name, parameter] of Object.entries(table)) {
    if (parameter.optional || values.has(name) || errors[name] !== undefined) continue;
    errors[name] = missing;
  }
  if (Object.keys(errors).length > 0) throw invalidParameters(errors);
  return new Arguments(values);
}

type Read = { problem: string } | { problem?: undefined; value: string | readonly string[] };

function readValue(name: string, parameter: Parameter, given: unknown): Read {
  if (Array.isArray(given)) return readList(name, parameter, given);
  if (typeof given === 'boolean') {
    return parameter.type === 'boolean'
      ? { value: given ? '1' : '0' }
      : { problem: typeProblem(parameter.type, 'JSON::PP::Boolean') };
  }
  if (typeof given === 'object') return { problem: typeProblem(parameter.type, 'HASH') };
  if (parameter.type === 'array') return { value: [String(given)] };
  const value = String(given);
  const problem = checkValue(parameter, value, name);
  return problem === undefined ? { value } : { problem };
}

function readList(name: string, parameter: Parameter, given: readonly unknown[]): Read {
  const items = given.map(String);
  if (parameter.type === 'array') return { value: items };
  const isList = parameter.type === 'string' && String(parameter.format).endsWith('-list');
  if (!isList) return { problem: typeProblem(parameter.type, 'ARRAY') };
  const value = items.join(',');
  const problem = checkValue(parameter, value, name);
  return problem === undefined ? { value } : { problem };
}
