import { randomBytes } from 'node:crypto';
import { Decrypter, generateIdentity, identityToRecipient } from 'age-encryption';
import { describe, expect, it } from 'vitest';
import { Fault } from '../errors.ts';
import { createAgeStreams } from './age-streams.ts';

const keyring = { keys: [{ id: 'a', key: Buffer.alloc(32, 1) }] };
const streams = createAgeStreams(keyring);

async function* chunks(content: Uint8Array, size = 10_000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < content.length; at += size) yield content.subarray(at, at + size);
}

async function all(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const got: Uint8Array[] = [];
  for await (const chunk of source) got.push(chunk);
  return Buffer.concat(got);
}

describe('createAgeStreams', () => {
  it.each([0, 1, 65_536, 200_000])('opens the %i bytes that it encrypted', async (size) => {
    const content = randomBytes(size);
    const sealed = await all(streams.encrypt(chunks(content), []));
    expect(sealed.includes(content.subarray(0, 32)) && size >= 32).toBe(false);
    expect(await all(streams.decrypt(chunks(sealed)))).toEqual(content);
  });

  it('opens with a key that another followed', async () => {
    const sealed = await all(streams.encrypt(chunks(Buffer.from('data')), []));
    const later = createAgeStreams({ keys: [...keyring.keys, { id: 'b', key: Buffer.alloc(32, 2) }] });
    expect((await all(later.decrypt(chunks(sealed)))).toString()).toBe('data');
  });

  it('lets those open it whom one names besides', async () => {
    const identity = await generateIdentity();
    const sealed = await all(streams.encrypt(chunks(Buffer.from('data')), [await identityToRecipient(identity)]));
    const theirs = new Decrypter();
    theirs.addIdentity(identity);
    expect(Buffer.from(await theirs.decrypt(sealed)).toString()).toBe('data');
  });

  it('says that its keys do not fit', async () => {
    const sealed = await all(streams.encrypt(chunks(Buffer.from('data')), []));
    const other = createAgeStreams({ keys: [{ id: 'c', key: Buffer.alloc(32, 3) }] });
    await expect(all(other.decrypt(chunks(sealed)))).rejects.toMatchObject({ code: 'Denied' });
  });

  it('names a recipient that is none', async () => {
    const none = `age1${'q'.repeat(58)}`;
    await expect(all(streams.encrypt(chunks(Buffer.from('x')), [none]))).rejects.toThrow(none);
  });

  it.each([
    ['is changed', (sealed: Buffer) => Buffer.concat([sealed.subarray(0, -20), Buffer.alloc(20)])],
    ['ends too early', (sealed: Buffer) => sealed.subarray(0, -70_000)],
    ['is something else', () => Buffer.from('<html>not what was asked for</html>')],
  ])('takes nothing that %s', async (_, change) => {
    const sealed = await all(streams.encrypt(chunks(randomBytes(200_000)), []));
    await expect(all(streams.decrypt(chunks(change(sealed))))).rejects.toMatchObject({ code: 'Invalid' });
  });

  it('hands on what its source fails with', async () => {
    const sealed = await all(streams.encrypt(chunks(randomBytes(100_000)), []));
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield sealed.subarray(0, 80_000);
      throw new Fault('Unavailable', 'The bucket is gone.');
    }
    await expect(all(streams.encrypt(broken(), []))).rejects.toThrow('The bucket is gone');
    await expect(all(streams.decrypt(broken()))).rejects.toThrow('The bucket is gone');
  });
});
