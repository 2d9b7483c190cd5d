import type { FormatName } from './formats.ts';

interface Common {
  optional?: true;
  /** Only allowed together with this other parameter. */
  requires?: string;
}

export interface IntegerParameter extends Common {
  type: 'integer';
  format?: FormatName;
  minimum?: number;
  maximum?: number;
}

export interface NumberParameter extends Common {
  type: 'number';
  minimum?: number;
  maximum?: number;
}

export interface BooleanParameter extends Common {
  type: 'boolean';
}

export interface StringParameter extends Common {
  type: 'string';
  format?: FormatName | PropertyFormat;
  enum?: readonly string[];
  pattern?: RegExp;
  minLength?: number;
  maxLength?: number;
}

export interface ArrayParameter extends Common {
  type: 'array';
}

/** What a call says about one of its parameters. */
export type Parameter = IntegerParameter | NumberParameter | BooleanParameter | StringParameter | ArrayParameter;

/** A value of `key=value` pairs joined by commas; the default key's value may stand alone. */
export interface PropertyFormat {
  properties: Readonly<Record<string, Parameter>>;
  defaultKey?: string;
}

/** The parameters of a call. `net[n]` stands for net0, net1 and so on. */
export type ParameterTable = Readonly<Record<string, Parameter>>;

const highestIndex: Readonly<Record<string, number>> = { net: 31, mp: 255, unused: 255, dev: 255 };

/** What the table says about a parameter by its full name, such as `net0`. */
export function findParameter(table: ParameterTable, name: string): Parameter | undefined {
  if (Object.hasOwn(table, name)) return name.endsWith('[n]') ? undefined : table[name];
  const indexed = /^([a-z]+)(0|[1-9]\d{0,2})$/.exec(name);
  const base = indexed?.[1];
  if (base === undefined || Number(indexed?.[2]) > (highestIndex[base] ?? -1)) return undefined;
  return table[`${base}[n]`];
}
