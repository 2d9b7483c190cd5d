import { describe, expect, it } from 'vitest';
import { sealedFor, sealGuestConfig } from './seal-config.ts';

const seal = { key: Buffer.alloc(32, 7), uid: 'uid-1' };
const plain = Buffer.from('arg\0/bin/app\0env\0PASSWORD=canary\0');

describe('sealGuestConfig', () => {
  it('gives the same text for the same, so that nothing is written again', () => {
    expect(sealGuestConfig(plain, seal)).toBe(sealGuestConfig(plain, { ...seal }));
  });

  it('gives a text that has nothing in common for another configuration, guest or key', () => {
    const bytesOf = (text: string) => Buffer.from(text.split('.')[2] ?? '', 'base64');
    const first = bytesOf(sealGuestConfig(plain, seal));
    expect(first).toHaveLength(plain.length + 32);
    const others = [
      sealGuestConfig(Buffer.from(plain.toString().replace('canary', 'canarz')), seal),
      sealGuestConfig(plain, { ...seal, uid: 'uid-2' }),
      sealGuestConfig(plain, { ...seal, key: Buffer.alloc(32, 8) }),
    ];
    for (const other of others.map(bytesOf)) {
      const equal = first.filter((byte, index) => byte === other[index]).length;
      expect(equal).toBeLessThan(first.length / 8);
    }
  });

  it('shows whom it is for and nothing else', () => {
    const text = sealGuestConfig(plain, seal);
    expect(text).toMatch(/^2\.uid-1\.[A-Za-z0-9+/]+=*$/);
    expect(Buffer.from(text.split('.')[2] ?? '', 'base64').includes('canary')).toBe(false);
  });
});

describe('sealedFor', () => {
  it('finds the guest in its environment on Proxmox', () => {
    expect(sealedFor([`CONTAINR_CONFIG=${sealGuestConfig(plain, seal)}`])).toBe('uid-1');
    expect(sealedFor(['A=2.x.y', `CONTAINR_CONFIG=${plain.toString('base64')}`])).toBeUndefined();
    expect(sealedFor([])).toBeUndefined();
  });
});
