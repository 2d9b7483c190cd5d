import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Backup } from '../../crds/backup.ts';
import { createAgeStreams } from '../../controller/secrets/age-streams.ts';
import type { GuestRun } from '../providers/guest/guest-run.ts';
import { openS3Bucket } from '../providers/object-storage/s3-storage.ts';
import { S3Server, type S3Fault } from '../providers/object-storage/testing/s3-server.ts';
import { testObject } from '../shared/testing.ts';
import { copyArchive, type CopyDeps } from './copy-archive.ts';
import { copyTrouble } from '../shared/copy-failure.ts';
import { copyKeys } from '../shared/copy-place.ts';

const content = randomBytes(300_000);
const age = createAgeStreams({ keys: [{ id: 'a', key: Buffer.alloc(32, 1) }] });
const { signal } = new AbortController();

let server: S3Server;

beforeEach(async () => {
  server = await S3Server.start();
});
afterEach(() => server.close());

function backup(verify = false): Backup {
  const { endpoint, region, bucket } = server.access;
  const s3 = { endpoint, region, bucket, secretRef: { name: 'bucket' } };
  const spec = { source: { kind: 'Database', name: 'main' }, verify, copyTo: { s3 } };
  return testObject(Backup, 'one', spec, { checksum: 'd'.repeat(64) });
}

function ended(change: Partial<Extract<GuestRun, { state: 'exited' }>> = {}): GuestRun {
  const sha256 = createHash('sha256').update(content).digest('hex');
  return { state: 'exited', code: 0, sizeBytes: content.length, sha256, tail: '', ...change };
}

function copy(end: GuestRun = ended(), { verify = false, stream = Readable.from([content]) } = {}) {
  const deps: CopyDeps = {
    links: { read: async () => ({ stream, end: Promise.resolve(end) }) },
    openBucket: (access) => openS3Bucket(access, { silenceMs: 1_000, firstRestMs: 1 }),
    age,
    installation: '1a2b3c4d',
  };
  const input = { backup: backup(verify), guestUid: 'guest', runId: 'run', access: server.access };
  return copyArchive(deps, input, signal);
}

/** What went wrong, as a condition says it. */
async function trouble(copying: Promise<unknown>): Promise<string> {
  const error = await copying.then(
    () => 'it went well',
    (failure: unknown) => failure,
  );
  const { reason, message } = copyTrouble(error);
  return `${reason}: ${message}`;
}

const onGet: S3Fault['fits'] = ({ method, key }) => method === 'GET' && key.endsWith('.age');

describe('copyArchive', () => {
  it.each([false, true])('leaves one object that opens to what was sent, and its note (verify: %s)', async (verify) => {
    const { archive, note } = copyKeys(backup(), '1a2b3c4d');
    expect(await copy(ended(), { verify })).toMatchObject({
      checksum: createHash('sha256').update(content).digest('hex'),
    });
    expect([...server.objects.keys()].toSorted()).toEqual([note, archive]);
    const opened: Uint8Array[] = [];
    const sealed = server.objects.get(archive)?.content ?? Buffer.alloc(0);
    for await (const chunk of age.decrypt(Readable.from([sealed]))) opened.push(chunk);
    expect(Buffer.concat(opened)).toEqual(content);
    expect(server.requests.some((line) => /^GET [^?]+\.age$/.test(line))).toBe(verify);
  });

  it.each<[string, GuestRun, RegExp]>([
    [
      'fewer bytes came than were sent',
      ended({ sizeBytes: content.length + 1 }),
      /^CopyUnreadable: The guest sent 300001/,
    ],
    ['other bytes came', ended({ sha256: '0'.repeat(64) }), /^CopyUnreadable: /],
    ['the archiver failed', ended({ code: 1, tail: 'x is a device' }), /^CopyFailed: .*code 1: x is a device/],
    ['the connection was lost', { state: 'unreachable', message: 'the connection was lost' }, /^SupervisorUnreachable/],
    ['the guest knows no such command', { state: 'unknown', message: 'no such command' }, /^SupervisorOutdated/],
  ])('leaves nothing when %s', async (_, end, words) => {
    expect(await trouble(copy(end))).toMatch(words);
    expect([server.objects.size, server.uploads.size]).toEqual([0, 0]);
  });

  it('says how the run stands when its stream breaks off', async () => {
    async function* broken(): AsyncGenerator<Buffer> {
      yield content;
      throw new Error('socket hang up');
    }
    const stream = Readable.from(broken());
    expect(await trouble(copy({ state: 'unreachable', message: 'it was lost' }, { stream }))).toMatch(/it was lost/);
    expect([server.objects.size, server.uploads.size]).toEqual([0, 0]);
  });

  it.each<[string, S3Fault, RegExp]>([
    [
      'has another ETag afterwards',
      { fits: ({ method, key }) => method === 'HEAD' && key.endsWith('.age'), do: { type: 'etag', etag: '"other"' } },
      /^CopyUnreadable: .*"other"/,
    ],
    [
      'ends too early when it is read back',
      { fits: onGet, do: { type: 'truncate', bytes: 5_000 } },
      /^BucketUnreachable/,
    ],
    [
      'cannot be read back',
      { fits: onGet, do: { type: 'answer', status: 403, code: 'AccessDenied' } },
      /^BucketDenied/,
    ],
  ])('is no copy without its note when the object %s', async (_, fault, words) => {
    server.faults = [fault];
    expect(await trouble(copy(ended(), { verify: true }))).toMatch(words);
    expect([...server.objects.keys()].filter((key) => key.endsWith('.json'))).toEqual([]);
  });

  it('sends nothing again when an earlier try finished, and all of it when the object is gone', async () => {
    await copy();
    const before = server.requests.length;
    await copy();
    expect(server.requests.slice(before).some((line) => line.startsWith('P'))).toBe(false);
    server.objects.delete(copyKeys(backup(), '1a2b3c4d').archive);
    await copy();
    expect(server.objects.size).toBe(2);
  });

  it('throws away the half that an earlier process left', async () => {
    server.uploads.set('old', { key: copyKeys(backup(), '1a2b3c4d').archive, parts: new Map([[1, content]]) });
    await copy();
    expect(server.uploads.size).toBe(0);
  });
});
