import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { jsonBody, queryOf, uploadBody } from './request-body.ts';

describe('queryOf', () => {
  it('writes truth as 0 and 1, and leaves out what is not set', () => {
    expect(queryOf({ current: true, force: false, gone: undefined, none: null, name: 'a b&c=d' })).toBe(
      '?current=1&force=0&name=a+b%26c%3Dd',
    );
    expect(queryOf({})).toBe('');
  });
});

describe('jsonBody', () => {
  it('is nothing when nothing is set', () => {
    expect(jsonBody({ gone: undefined })).toBeUndefined();
  });

  it('keeps empty values, and what a form would cut off', () => {
    const body = jsonBody({ tags: '', env: 'A=x=y\0B=' })?.open(() => undefined);
    expect(JSON.parse(String(body))).toEqual({ tags: '', env: 'A=x=y\0B=' });
  });
});

describe('uploadBody', () => {
  it('has the parts in the order of Proxmox, the file last, and tells its exact length', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'containr-upload-'));
    const path = join(folder, 'archive');
    const content = 'x'.repeat(600_000);
    await writeFile(path, content);
    const params = { filename: 'web.tar', checksum: 'abc', content: 'vztmpl', 'checksum-algorithm': 'sha256' };
    const body = uploadBody(params, { path, sizeBytes: content.length, filename: 'web.tar' }, 'BOUNDARY');
    let chunks = 0;
    const stream = body.open(() => (chunks += 1));
    const sent = typeof stream === 'string' ? stream : await text(stream);
    await rm(folder, { recursive: true });

    expect([...sent.matchAll(/data; name="([^"]+)"/g)].map(([, name]) => name)).toEqual([
      'content',
      'checksum-algorithm',
      'checksum',
      'filename',
    ]);
    expect(sent).toContain(
      '--BOUNDARY\r\nContent-Disposition: form-data; name="filename"; filename="web.tar"\r\nContent-Type: application/octet-stream\r\n\r\nxxx',
    );
    expect(sent.endsWith('xxx\r\n--BOUNDARY--\r\n')).toBe(true);
    expect(body.headers['content-length']).toBe(String(Buffer.byteLength(sent)));
    expect(chunks).toBeGreaterThan(1);
  });
});
