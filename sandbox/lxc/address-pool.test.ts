import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AddressPool } from './address-pool.ts';
import { parseNetwork, type Ipv4Network } from './ipv4.ts';

const nobody: ReadonlySet<string> = new Set();

function network(text: string): Ipv4Network {
  const parsed = parseNetwork(text);
  if (!parsed) throw new Error(`${text} is a network`);
  return parsed;
}

describe('AddressPool', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'pool-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('gives a MAC its address again, also to another process and in other letters', () => {
    const pool = new AddressPool(folder, network('10.0.0.0/24'));
    expect(pool.lease('BC:24:11:00:00:0A', nobody)).toBe('10.0.0.128');
    expect(pool.lease('BC:24:11:00:00:0B', nobody)).toBe('10.0.0.129');
    const later = new AddressPool(folder, network('10.0.0.0/24'));
    expect(later.lease('bc:24:11:00:00:0a', nobody)).toBe('10.0.0.128');
  });

  it('never gives an address that a running guest has, not even to whom it belonged', () => {
    const pool = new AddressPool(folder, network('10.0.0.0/24'));
    expect(pool.lease('a', new Set(['10.0.0.128']))).toBe('10.0.0.129');
    expect(pool.lease('a', new Set(['10.0.0.129']))).toBe('10.0.0.128');
  });

  it('takes the address used longest ago when all are given out, and never one in use', () => {
    const pool = new AddressPool(folder, network('10.0.0.0/29'));
    expect(['a', 'b', 'c'].map((mac) => pool.lease(mac, nobody))).toEqual(['10.0.0.4', '10.0.0.5', '10.0.0.6']);
    pool.lease('a', nobody);
    expect(pool.lease('d', nobody)).toBe('10.0.0.5');
    expect(pool.lease('e', new Set(['10.0.0.6', '10.0.0.4']))).toBe('10.0.0.5');
    expect(() => pool.lease('f', new Set(['10.0.0.4', '10.0.0.5', '10.0.0.6']))).toThrow('no address is left');
  });

  it('forgets leases of another subnet and those of a torn file', () => {
    new AddressPool(folder, network('10.0.0.0/24')).lease('a', nobody);
    expect(new AddressPool(folder, network('10.9.9.0/24')).lease('a', nobody)).toBe('10.9.9.128');
    writeFileSync(join(folder, 'leases.json'), '{"a": "10.');
    expect(new AddressPool(folder, network('10.9.9.0/24')).lease('b', nobody)).toBe('10.9.9.128');
  });
});
