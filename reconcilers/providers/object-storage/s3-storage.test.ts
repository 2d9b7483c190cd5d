import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BucketAccess, ObjectStorage } from './object-storage.ts';
import { openS3Bucket } from './s3-storage.ts';
import { S3Server, type S3Fault } from './testing/s3-server.ts';

const KEY = 'home/1a2b3c4d/shop/uid 1+(x).tar.age';
const PART = 1024;
const { signal } = new AbortController();
const quick = { silenceMs: 500, firstRestMs: 1 };

let server: S3Server;
let bucket: ObjectStorage;
const opened: ObjectStorage[] = [];

function open(change: Partial<BucketAccess> = {}): ObjectStorage {
  const made = openS3Bucket({ ...server.access, ...change }, quick);
  opened.push(made);
  return made;
}

beforeEach(async () => {
  server = await S3Server.start();
  bucket = open();
});

afterEach(async () => {
  await Promise.all(opened.splice(0).map((one) => one.close()));
  await server.close();
});

async function* chunks(content: Buffer, size = 700): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < content.length; at += size) yield content.subarray(at, at + size);
}

async function upload(content: Buffer, confirm: () => Promise<void> = async () => undefined, to = bucket) {
  return to.upload(KEY, chunks(content), { partBytes: PART, confirm }, signal);
}

async function read(key = KEY, from = bucket): Promise<Buffer> {
  const got: Uint8Array[] = [];
  for await (const chunk of await from.get(key, signal)) got.push(chunk);
  return Buffer.concat(got);
}

function onMethod(method: string, fault: S3Fault['do'], times?: number): S3Fault {
  return { fits: (asked) => asked.method === method, do: fault, ...(times !== undefined && { times }) };
}

describe('openS3Bucket', () => {
  it.each([0, 1, PART - 1, PART, PART + 1, 10 * PART, 10 * PART + 37])(
    'brings %i bytes there and back as they were, in parts of one size',
    async (size) => {
      const content = randomBytes(size);
      const done = await upload(content);
      expect(done.sizeBytes).toBe(size);
      expect(await read()).toEqual(content);
      expect(await bucket.head(KEY, signal)).toEqual(done);
      expect(server.requests.filter((line) => line.includes('partNumber')).length).toBe(
        Math.max(1, Math.ceil(size / PART)),
      );
      expect(server.uploads.size).toBe(0);
    },
  );

  it('tells an object that is not there from a bucket that is not there', async () => {
    expect(await bucket.head(KEY, signal)).toBeUndefined();
    const other = open({ bucket: 'another' });
    await expect(other.head(KEY, signal)).rejects.toMatchObject({ meaning: 'noBucket' });
    await expect(upload(Buffer.from('x'), undefined, other)).rejects.toMatchObject({ meaning: 'noBucket' });
  });

  it('takes an object that is not there for removed', async () => {
    await bucket.put(KEY, Buffer.from('{}'), 'application/json', signal);
    await bucket.remove(KEY, signal);
    await bucket.remove(KEY, signal);
    expect(server.objects.size).toBe(0);
  });

  it('leaves nothing of an upload that is not confirmed', async () => {
    const confirm = async () => {
      throw new Error('It is not what was said.');
    };
    await expect(upload(randomBytes(3 * PART), confirm)).rejects.toThrow('not what was said');
    expect([server.objects.size, server.uploads.size]).toEqual([0, 0]);
  });

  it('leaves nothing of an upload whose source fails', async () => {
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield randomBytes(2 * PART);
      throw new Error('The guest is gone.');
    }
    const plan = { partBytes: PART, confirm: async () => undefined };
    await expect(bucket.upload(KEY, broken(), plan, signal)).rejects.toThrow('The guest is gone');
    expect([server.objects.size, server.uploads.size]).toEqual([0, 0]);
  });

  it('leaves nothing of an upload that is stopped', async () => {
    const stop = new AbortController();
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (let count = 0; ; count += 1) {
        if (count === 5) stop.abort(new Error('Another one leads.'));
        yield randomBytes(PART);
      }
    }
    const plan = { partBytes: PART, confirm: async () => undefined };
    await expect(bucket.upload(KEY, endless(), plan, stop.signal)).rejects.toThrow('Another one leads');
    expect([server.objects.size, server.uploads.size]).toEqual([0, 0]);
  });

  it.each<[string, S3Fault]>([
    ['a server that is too busy', onMethod('PUT', { type: 'answer', status: 503, code: 'SlowDown' }, 2)],
    ['a connection that is cut before a part was taken', onMethod('PUT', { type: 'cut', when: 'before' }, 1)],
    ['a connection that is cut after a part was taken', onMethod('PUT', { type: 'cut', when: 'after' }, 1)],
    ['a server that is silent for too long', onMethod('PUT', { type: 'slow', ms: 1_500 }, 1)],
    [
      'an answer to the last call that is lost',
      {
        fits: ({ method, query }) => method === 'POST' && query.has('uploadId'),
        times: 1,
        do: { type: 'cut', when: 'after' },
      },
    ],
  ])('gets over %s', async (_, fault) => {
    server.faults = [fault];
    const content = randomBytes(3 * PART + 1);
    expect((await upload(content)).sizeBytes).toBe(content.length);
    expect(await read()).toEqual(content);
  });

  it('does not take a 200 for success that says afterwards that it failed', async () => {
    server.faults = [
      { fits: ({ method, query }) => method === 'POST' && query.has('uploadId'), do: { type: 'errorIn200' } },
    ];
    await expect(upload(randomBytes(PART))).rejects.toMatchObject({ meaning: 'unreachable' });
    expect([server.objects.size, server.uploads.size]).toEqual([0, 0]);
  });

  it('gives up on a server that stays busy, and says what it asked for', async () => {
    server.faults = [onMethod('HEAD', { type: 'answer', status: 503, code: 'SlowDown' })];
    await expect(bucket.head(KEY, signal)).rejects.toMatchObject({
      meaning: 'unreachable',
      message: expect.stringContaining('HEAD home/1a2b3c4d/shop'),
    });
  });

  it('follows no redirect, names the other server, and shows nothing of its query', async () => {
    const other = await S3Server.start();
    const location = `${other.access.endpoint}/backups?X-Amz-Signature=abcdef`;
    server.faults = [
      { fits: () => true, do: { type: 'answer', status: 307, code: 'TemporaryRedirect', location, region: 'eu' } },
    ];
    const failed = await upload(Buffer.from('x')).catch((error: unknown) => error);
    await other.close();
    expect(failed).toMatchObject({ meaning: 'elsewhere', message: expect.stringContaining('region eu') });
    expect(String(failed)).toContain(new URL(other.access.endpoint).host);
    expect(String(failed)).not.toContain('abcdef');
    expect(other.requests).toEqual([]);
  });

  it('fails when fewer bytes come than the object has', async () => {
    await upload(randomBytes(5 * PART));
    server.faults = [onMethod('GET', { type: 'truncate', bytes: 1_500 })];
    await expect(read()).rejects.toMatchObject({ meaning: 'unreachable' });
  });

  it('throws away half uploads of exactly one key, over several pages', async () => {
    const hang = async () => {
      server.faults = [onMethod('DELETE', { type: 'answer', status: 403, code: 'AccessDenied' })];
      throw new Error('stopped');
    };
    await expect(upload(randomBytes(PART), hang)).rejects.toThrow('stopped');
    server.uploads.set('a', { key: KEY, parts: new Map() });
    server.uploads.set('b', { key: `${KEY}.other`, parts: new Map() });
    server.uploads.set('c', { key: KEY, parts: new Map() });
    server.faults = [];
    server.pageSize = 1;
    expect(await bucket.abortUploads(KEY, signal)).toBe(3);
    expect([...server.uploads.keys()]).toEqual(['b']);
  });

  it('is refused with a wrong login, and never shows the right or the wrong one', async () => {
    const other = open({ secretAccessKey: 'not-the-right-one' });
    const failed = await upload(Buffer.from('x'), undefined, other).catch((error: unknown) => error);
    expect(failed).toMatchObject({ meaning: 'denied' });
    expect(JSON.stringify([String(failed), failed])).not.toMatch(/not-the-right-one|GKtest|Signature=/);
  });

  it('never sends the secret key', async () => {
    await upload(randomBytes(PART));
    await read();
    expect(server.heads.length).toBeGreaterThan(3);
    expect(server.heads.join('\n')).not.toContain(server.access.secretAccessKey);
    expect(bucket.urlOf(KEY)).not.toContain(server.access.accessKeyId);
  });

  it.each(['../other/x', 'a//b', 'a/./b', '/a', 'a/', 'a/../../b'])('asks for no key such as %s', async (key) => {
    await expect(bucket.put(key, Buffer.from('x'), 'text/plain', signal)).rejects.toMatchObject({ meaning: 'refused' });
    expect(server.requests).toEqual([]);
  });

  it.each(['ä ö', 'x&y=z;#?', "a'b(c)!*", '%2e%2e', '<Key>', '日本/x'])(
    'signs the key %s as it sends it',
    async (key) => {
      await bucket.put(key, Buffer.from(key), 'text/plain', signal);
      expect((await read(key)).toString()).toBe(key);
      expect([...server.objects.keys()]).toEqual([key]);
    },
  );

  it('puts the bucket in front of the host name where that is asked for', () => {
    const named = open({ endpoint: 'https://s3.example.com', pathStyle: false });
    expect(named.urlOf('a/b')).toBe('https://backups.s3.example.com/a/b');
    expect(open({ endpoint: 'https://s3.example.com:9000' }).urlOf('a/b')).toBe(
      'https://s3.example.com:9000/backups/a/b',
    );
  });
});
