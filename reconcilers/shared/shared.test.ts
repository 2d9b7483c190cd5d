import { describe, expect, it } from 'vitest';
import { childName } from './child-name.ts';
import { firstFreeAddress, ipv4Number, ipv4Text } from './ipv4.ts';
import { Reservations } from './reservations.ts';
import { stableHash } from './stable-hash.ts';

describe('childName', () => {
  it('joins base and suffix', () => {
    expect(childName('web', 'r1')).toBe('web-r1');
  });

  it('stays a DNS label for the longest names, and keeps two of them apart', () => {
    const one = childName('a'.repeat(63), 'r1-0');
    const two = childName(`${'a'.repeat(62)}b`, 'r1-0');
    expect(one).toMatch(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/);
    expect(one.length).toBeLessThanOrEqual(63);
    expect(one).not.toBe(two);
  });
});

describe('stableHash', () => {
  it('does not depend on the order of keys, nor on undefined fields', () => {
    expect(stableHash({ a: 1, b: [2, { c: 3 }] })).toBe(stableHash({ b: [2, { c: 3, d: undefined }], a: 1 }));
  });

  it('tells values, types and orders of lists apart', () => {
    const hashes = [{ a: 1 }, { a: '1' }, { a: [1, 2] }, { a: [2, 1] }, { a: null }, {}].map(stableHash);
    expect(new Set(hashes).size).toBe(hashes.length);
  });
});

describe('ipv4', () => {
  it('reads and writes addresses', () => {
    expect(ipv4Text(ipv4Number('10.40.0.255') + 1)).toBe('10.40.1.0');
    expect(ipv4Text(ipv4Number('255.255.255.255'))).toBe('255.255.255.255');
  });

  it('finds the lowest free address of a pool, or none', () => {
    const taken = new Set(['10.0.0.5', '10.0.0.6']);
    expect(firstFreeAddress('10.0.0.5', '10.0.0.9', (address) => taken.has(address))).toBe('10.0.0.7');
    expect(firstFreeAddress('10.0.0.5', '10.0.0.6', (address) => taken.has(address))).toBeUndefined();
  });
});

describe('Reservations', () => {
  it('gives a value to one holder at a time', () => {
    const reservations = new Reservations();
    expect(reservations.claim('home', 'vmid 1', 'a')).toBe(true);
    expect(reservations.claim('home', 'vmid 1', 'a')).toBe(true);
    expect(reservations.claim('home', 'vmid 1', 'b')).toBe(false);
    expect(reservations.claim('other', 'vmid 1', 'b')).toBe(true);
    reservations.release('a');
    expect(reservations.claim('home', 'vmid 1', 'b')).toBe(true);
  });
});
