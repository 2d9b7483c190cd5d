import { createHash } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestSandbox, type TestSandbox } from '../testing/test-sandbox.ts';

let test: TestSandbox;
let source: Server;
let url = '';
let fetched = 0;
beforeAll(async () => {
  test = await startTestSandbox();
  source = createServer((request, response) => {
    fetched += 1;
    response.writeHead(request.url === '/a.tar' ? 200 : 404).end('the content');
  });
  await new Promise<void>((resolve) => source.listen(0, '127.0.0.1', resolve));
  const address = source.address();
  url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
});
afterAll(async () => {
  source.close();
  await test.close();
});

const checksum = createHash('sha256').update('the content').digest('hex');

function download(parameters: Record<string, unknown>): Promise<string> {
  const all = { content: 'vztmpl', url: `${url}/a.tar`, ...parameters };
  return test.api.task('POST', '/nodes/pve1/storage/local/download-url', all);
}

describe('download-url', () => {
  it('is content with a file that is there with the right checksum', async () => {
    const parameters = { filename: 'once.tar', checksum, 'checksum-algorithm': 'sha256' };
    const before = fetched;
    expect([await download(parameters), await download(parameters), fetched - before]).toEqual(['OK', 'OK', 1]);
  });

  it('refuses a file that is there without one to compare, or with another', async () => {
    await download({ filename: 'twice.tar' });
    expect(await download({ filename: 'twice.tar' })).toBe(
      "refusing to override existing file '/var/lib/vz/template/cache/twice.tar'",
    );
    const other = { filename: 'twice.tar', checksum: '0'.repeat(64), 'checksum-algorithm': 'sha256' };
    expect(await download(other)).toMatch(/^mismatching sha256 sum of existing file/);
  });

  it.each([
    ['the checksum is wrong', { checksum: '0'.repeat(64), 'checksum-algorithm': 'sha256' }, /^checksum mismatch/],
    ['the source does not have it', { url: 'http://127.0.0.1:1/a.tar' }, /^download failed/],
  ])('leaves no file when %s', async (_, parameters, end) => {
    expect(await download({ filename: 'bad.tar', ...parameters })).toMatch(end);
    const listed = await test.api.data('GET', '/nodes/pve1/storage/local/content', { content: 'vztmpl' });
    expect(listed).not.toContainEqual(expect.objectContaining({ volid: 'local:vztmpl/bad.tar' }));
  });

  it('fails on a storage that is full', async () => {
    test.sandbox.addStorage({ name: 'tiny', totalBytes: 5 });
    const parameters = { content: 'vztmpl', url: `${url}/a.tar`, filename: 'a.tar' };
    const end = await test.api.task('POST', '/nodes/pve1/storage/tiny/download-url', parameters);
    expect(end).toBe(`download failed: command 'wget ... ${url}/a.tar' failed: exit code 3`);
  });
});
