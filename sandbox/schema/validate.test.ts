import { describe, expect, it } from 'vitest';
import { Refusal } from '../refusal.ts';
import { guestOptions } from './guest-options.ts';
import type { ParameterTable } from './parameter.ts';
import { validateParameters, type RawParameters } from './validate.ts';

const table = {
  ...guestOptions,
  vmid: { type: 'integer', format: 'pve-vmid', minimum: 100, maximum: 999_999_999 },
  unique: { type: 'boolean', optional: true, requires: 'restore' },
  restore: { type: 'boolean', optional: true },
} as const satisfies ParameterTable;

function errorsOf(raw: RawParameters): Readonly<Record<string, string>> | undefined {
  try {
    validateParameters({ vmid: 100, ...raw }, table);
    return undefined;
  } catch (error) {
    return error instanceof Refusal ? error.errors : { thrown: String(error) };
  }
}

const notDefined = 'property is not defined in schema and the schema does not allow additional properties';

describe('validateParameters', () => {
  it.each<[string, RawParameters, Record<string, string>]>([
    ['a parameter that is not known', { bogus: 1 }, { bogus: notDefined }],
    ['an index beyond the last', { net32: 'name=eth0' }, { net32: notDefined }],
    ['an index with a leading zero', { net01: 'name=eth0' }, { net01: notDefined }],
    ['the placeholder itself', { 'net[n]': 'name=eth0' }, { 'net[n]': notDefined }],
    ['a word for a number', { memory: 'lots' }, { memory: "type check ('integer') failed - got 'lots'" }],
    ['a boolean for a number', { memory: true }, { memory: "type check ('integer') failed - got JSON::PP::Boolean" }],
    ['a list for a number', { memory: ['1', '2'] }, { memory: "type check ('integer') failed - got ARRAY" }],
    ['an object for a text', { hostname: {} }, { hostname: "type check ('string') failed - got HASH" }],
    ['true in a form', { onboot: 'true' }, { onboot: "type check ('boolean') failed - got 'true'" }],
    ['too little', { memory: 8 }, { memory: 'value must have a minimum value of 16' }],
    ['too much', { cores: 9000 }, { cores: 'value must have a maximum value of 8192' }],
    [
      'a name with an underscore',
      { hostname: 'a_b' },
      { hostname: 'invalid format - value does not look like a valid DNS name\n' },
    ],
    ['a line break in the environment', { env: 'A=1\nB=2' }, { env: 'value does not match the regex pattern' }],
    ['an empty environment', { env: '' }, { env: 'value does not match the regex pattern' }],
    [
      'an interface without a name',
      { net0: 'bridge=vmbr0' },
      { net0: 'invalid format - format error\nnet0.name: property is missing and it is not optional\n' },
    ],
    [
      'a bad part of an interface',
      { net0: 'name=eth0,ip=10.0.0.1' },
      {
        net0: 'invalid format - format error\nnet0.ip: invalid format - value does not look like a valid ipv4 network configuration\n\n',
      },
    ],
    ['what needs another parameter', { unique: 1 }, { restore: "missing property required by 'unique'" }],
    ['nothing where something is needed', { vmid: null }, { vmid: 'property is missing and it is not optional' }],
  ])('refuses %s', (_, raw, errors) => {
    expect(errorsOf(raw)).toEqual(errors);
  });

  it.each<[string, RawParameters]>([
    ['numbers as text', { memory: '64' }],
    ['JSON booleans', { onboot: true, protection: false }],
    ['a list where a list of words is meant', { tags: ['a', 'b'] }],
    ['null as not given', { description: null }],
    ['entries of the environment joined by NUL', { env: 'A=1\0B=two words\0C=' }],
    ['an interface with all its parts', { net31: 'name=eth0,bridge=vmbr0,ip=dhcp,firewall=on,tag=4' }],
  ])('takes %s', (_, raw) => {
    expect(errorsOf(raw)).toBeUndefined();
  });

  it('keeps booleans as Proxmox stores them', () => {
    const args = validateParameters({ vmid: 100, onboot: true, tags: ['b', 'a'] }, table);
    expect(args.flag('onboot')).toBe(true);
    expect([...args.without('vmid')]).toEqual([
      ['onboot', '1'],
      ['tags', 'b,a'],
    ]);
  });
});
