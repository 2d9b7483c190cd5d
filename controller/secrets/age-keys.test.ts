import { armor, Encrypter } from 'age-encryption';
import { asyncProperty, assert, string } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { looksSealed } from '../../crds/sealed-value.ts';
import { createAgeKeys, type AgeKeys } from './age-keys.ts';

const place = { namespace: 'shop', name: 'api', key: 'token' };
const ages = withKeys('aaaaaaaa');

function withKeys(...ids: string[]): AgeKeys {
  return createAgeKeys({ keys: ids.map((id) => ({ id, key: Buffer.alloc(32, id) })) });
}

async function encrypt(text: string, { publicKey }: AgeKeys = ages): Promise<string> {
  const encrypter = new Encrypter();
  encrypter.addRecipient(await publicKey());
  return armor.encode(await encrypter.encrypt(text));
}

function seal(value: string, keys: AgeKeys = ages): Promise<string> {
  return encrypt(JSON.stringify({ v: 1, ...place, value }), keys);
}

async function problemOf(sealed: string, at = place, keys = ages): Promise<string> {
  const opening = await keys.open(at, sealed);
  return opening.ok ? `opened to ${opening.value}` : opening.problem;
}

describe('createAgeKeys', () => {
  it('opens what was sealed for it, whatever the text', async () => {
    await assert(
      asyncProperty(string({ unit: 'binary' }), async (value) => {
        const sealed = await seal(value);
        expect(looksSealed(sealed)).toBe(true);
        expect(await ages.open(place, sealed)).toEqual({ ok: true, value, keyId: 'aaaaaaaa' });
      }),
      { numRuns: 50 },
    );
  });

  it('opens what is as large as a value may be', async () => {
    const value = '\\'.repeat(128 * 1024);
    const sealed = await seal(value);
    expect(sealed.length).toBeLessThan(524_288);
    expect(looksSealed(sealed)).toBe(true);
    expect(await ages.open(place, sealed)).toMatchObject({ ok: true, value });
  });

  it('has the same public key at every start, and another for another key', async () => {
    expect(await ages.publicKey()).toMatch(/^age1[a-z0-9]{58}$/);
    expect(await withKeys('aaaaaaaa').publicKey()).toBe(await ages.publicKey());
    expect(await withKeys('bbbbbbbb').publicKey()).not.toBe(await ages.publicKey());
  });

  it.each([
    ['project', { ...place, namespace: 'other' }],
    ['Secret', { ...place, name: 'other' }],
    ['key', { ...place, key: 'other' }],
  ])('refuses a value that was sealed for another %s, naming the key', async (what, other) => {
    const problem = await problemOf(await seal('s3cr3t'), other);
    expect(problem).toContain(`was sealed for another ${what}.`);
    expect(problem).toContain(`The sealed value "${other.key}" of the Secret "${other.name}"`);
    expect(problem).not.toContain('s3cr3t');
  });

  it('opens nothing in which a character was changed', async () => {
    const sealed = await seal('s3cr3t');
    const lines = sealed.split('\n');
    for (const [row, line] of lines.entries()) {
      for (let at = 0; at < line.length; at += 7) {
        const changed = `${line.slice(0, at)}${line[at] === 'A' ? 'B' : 'A'}${line.slice(at + 1)}`;
        expect(await problemOf(lines.with(row, changed).join('\n'))).toMatch(/damaged|does not open/);
      }
    }
    expect(await problemOf(sealed.slice(0, 200))).toContain('damaged');
    expect(await problemOf('')).toContain('damaged');
  });

  it.each([
    's3cr3t',
    '{}',
    '"s3cr3t"',
    JSON.stringify({ v: 2, ...place, value: 'x' }),
    JSON.stringify({ v: 1, ...place }),
  ])('does not take %j for an envelope', async (text) => {
    expect(await problemOf(await encrypt(text))).toContain('is not what "containr secret seal" makes');
  });

  it('says what to do when the key is lost', async () => {
    const problem = await problemOf(await seal('s3cr3t', withKeys('bbbbbbbb')));
    expect(problem).toMatch(/does not open with the keys of this installation.*Restore keys.json/);
  });

  it('seals for the newest key, and opens with all', async () => {
    const rotated = withKeys('aaaaaaaa', 'bbbbbbbb');
    expect(await rotated.publicKey()).toBe(await withKeys('bbbbbbbb').publicKey());
    expect(await rotated.open(place, await seal('x'))).toMatchObject({ value: 'x', keyId: 'aaaaaaaa' });
    expect(await rotated.open(place, await seal('x', rotated))).toMatchObject({ value: 'x', keyId: 'bbbbbbbb' });
  });
});

describe('looksSealed', () => {
  it('is false for a file that a password opens', async () => {
    const encrypter = new Encrypter();
    encrypter.setPassphrase('x');
    encrypter.setScryptWorkFactor(1);
    expect(looksSealed(armor.encode(await encrypter.encrypt('x')))).toBe(false);
  });
});
