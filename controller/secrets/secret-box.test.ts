import { randomBytes } from 'node:crypto';
import { assert, property, string } from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Keyring } from './keyring.ts';
import { createSecretBox, sealedDigest } from './secret-box.ts';

function keyringOf(...ids: string[]): Keyring {
  return {
    keys: ids.map((id) => ({ id, key: Buffer.alloc(32, id) })),
    created: false,
    derive: (purpose) => Buffer.alloc(32, purpose),
  };
}

const place = { namespace: 'shop', name: 'api', key: 'token' };
const box = createSecretBox(keyringOf('aaaaaaaa'));

describe('createSecretBox', () => {
  it('opens what it sealed, whatever the text', () => {
    assert(
      property(string({ unit: 'grapheme' }), (value) => {
        expect(box.open(place, box.seal(place, value))).toBe(value);
      }),
    );
  });

  it('seals the same value differently every time', () => {
    expect(box.seal(place, 'x')).not.toBe(box.seal(place, 'x'));
  });

  it('does not show the value', () => {
    const value = randomBytes(24).toString('hex');
    expect(box.seal(place, value)).not.toContain(value);
  });

  it.each([
    ['another key of the Secret', { ...place, key: 'other' }],
    ['another Secret', { ...place, name: 'other' }],
    ['another namespace', { ...place, namespace: 'other' }],
  ])('does not open a value that was moved to %s', (_, other) => {
    const sealed = box.seal(place, 'x');
    expect(() => box.open(other, sealed)).toThrow(/cannot be decrypted/);
  });

  it('notices every changed character', () => {
    const sealed = box.seal(place, 'value');
    for (let at = 0; at < sealed.length; at += 1) {
      const changed = `${sealed.slice(0, at)}${sealed[at] === '0' ? '1' : '0'}${sealed.slice(at + 1)}`;
      expect(() => box.open(place, changed)).toThrow(/api/);
    }
  });

  it.each(['', 'plain', 'enc:v1:', 'enc:v2:aaaaaaaa:00:00'])('does not take %j for a value', (text) => {
    expect(() => box.open(place, text)).toThrow(/not encrypted as it must be/);
  });

  it('names the key that is lost', () => {
    const sealed = createSecretBox(keyringOf('bbbbbbbb')).seal(place, 'x');
    expect(() => box.open(place, sealed)).toThrow(/the key bbbbbbbb, which this installation does not have/);
  });

  it('reads values under all keys and writes under the newest', () => {
    const sealed = box.seal(place, 'x');
    const rotated = createSecretBox(keyringOf('aaaaaaaa', 'cccccccc'));
    expect(rotated.open(place, sealed)).toBe('x');
    expect(rotated.isOutdated(sealed)).toBe(true);
    expect(rotated.isOutdated(rotated.seal(place, 'x'))).toBe(false);
    expect(() => box.open(place, rotated.seal(place, 'x'))).toThrow(/cccccccc/);
  });

  it('digests equal values equally within a namespace only', () => {
    expect(box.digest('shop', 'x')).toBe(box.digest('shop', 'x'));
    expect(box.digest('shop', 'x')).not.toBe(box.digest('shop', 'y'));
    expect(box.digest('shop', 'x')).not.toBe(box.digest('other', 'x'));
  });

  it('keeps the digest with the sealed value', () => {
    expect(sealedDigest(box.seal(place, 'x'))).toBe(box.digest('shop', 'x'));
    expect(sealedDigest('x')).toBeUndefined();
  });
});
