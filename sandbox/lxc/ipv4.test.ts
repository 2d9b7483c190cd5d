import { describe, expect, it } from 'vitest';
import { formatAddress, formatNetwork, networksOverlap, parseAddress, parseNetwork } from './ipv4.ts';

describe('parseNetwork', () => {
  it.each([
    ['10.1.2.3/24', '10.1.2.0/24'],
    ['192.168.255.255/16', '192.168.0.0/16'],
    ['10.0.0.9', '10.0.0.9/32'],
    ['0.0.0.0/0', '0.0.0.0/0'],
  ])('reads %s as %s', (text, network) => {
    const parsed = parseNetwork(text);
    expect(parsed && formatNetwork(parsed)).toBe(network);
  });

  it.each(['', 'default', '10.0.0.0/33', '10.0.0.256/8', '10.0.0/8', 'fd00::/8'])('does not read %j', (text) => {
    expect(parseNetwork(text)).toBeUndefined();
  });
});

describe('formatAddress', () => {
  it.each(['0.0.0.0', '10.200.30.4', '255.255.255.255'])('is the inverse of parseAddress for %s', (text) => {
    expect(formatAddress(parseAddress(text) ?? -1)).toBe(text);
  });
});

describe('networksOverlap', () => {
  it.each([
    ['10.0.0.0/24', '10.0.0.128/25', true],
    ['10.0.0.128/25', '10.0.0.0/8', true],
    ['10.0.0.0/24', '10.0.1.0/24', false],
    ['10.0.0.255/32', '10.0.1.0/24', false],
  ])('of %s and %s is %s', (one, other, overlap) => {
    const [a, b] = [parseNetwork(one), parseNetwork(other)];
    expect(a && b && networksOverlap(a, b)).toBe(overlap);
  });
});
