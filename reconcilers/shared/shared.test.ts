import { describe, expect, it } from 'vitest';
import { childName } from './child-name.ts';
import { nextFreeAddress, ipv4Number, ipv4Text } from './ipv4.ts';
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

  it.each([
    ['the lowest without one before it', undefined, '10.0.0.7'],
    ['the one behind that before it', '10.0.0.7', '10.0.0.8'],
    ['the lowest again behind the end', '10.0.0.9', '10.0.0.7'],
    ['the lowest where that before it is of another pool', '10.0.9.9', '10.0.0.7'],
  ])('finds the next free address of a pool: %s', (_, after, found) => {
    const taken = new Set(['10.0.0.5', '10.0.0.6']);
    expect(nextFreeAddress({ from: '10.0.0.5', to: '10.0.0.9', after }, (address) => taken.has(address))).toBe(found);
  });

  it('finds no address where all of a pool are taken', () => {
    expect(nextFreeAddress({ from: '10.0.0.5', to: '10.0.0.6', after: '10.0.0.5' }, () => true)).toBeUndefined();
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
