import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { ProxmoxClient } from './client.ts';
import { createProxmoxClient } from './proxmox-client.ts';
import { sendData, sendRefusal, startHttpsServer, type Respond, type TestServer } from './testing/https-server.ts';

const signal = new AbortController().signal;
const upid = 'UPID:pve 1:00005B4F:0005C584:6B048564:vzstart:100:a@pve!b:';
const open: { close(): Promise<void> }[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.close()));
});

async function clientFor(respond: Respond): Promise<{ server: TestServer; client: ProxmoxClient }> {
  const server = await startHttpsServer(respond);
  const { url, fingerprint } = server;
  const client = createProxmoxClient({ endpoints: [url], tokenId: 'a@pve!b', tokenSecret: 'x', tls: { fingerprint } });
  open.push(server, client);
  return { server, client };
}

const refusing =
  (status: number, text: string): Respond =>
  (_, response) =>
    sendRefusal(response, status, text, text);
const answering =
  (data: unknown): Respond =>
  (_, response) =>
    sendData(response, data);

describe('createProxmoxClient', () => {
  it('encodes whatever goes into a path', async () => {
    const { server, client } = await clientFor(answering(null));
    await client.deleteArchive('pve1', 'local', 'local:vztmpl/a b?.tar', signal);
    await client.task(upid, signal).catch(() => undefined);
    expect(server.received.map(({ url }) => url)).toEqual([
      '/api2/json/nodes/pve1/storage/local/content/local%3Avztmpl%2Fa%20b%3F.tar?delay=5',
      `/api2/json/nodes/pve%201/tasks/${encodeURIComponent(upid)}/status`,
    ]);
  });

  it('takes a guest that runs, or does not, for done', async () => {
    const { client } = await clientFor(({ url }, response) =>
      url.endsWith('start')
        ? sendRefusal(response, 500, 'CT 100 already running', 'CT 100 already running')
        : sendRefusal(response, 500, 'CT 100 not running', 'CT 100 not running'),
    );
    expect(await client.startGuest('pve1', 100, signal)).toBe('already');
    expect(await client.stopGuest('pve1', 100, signal)).toBe('already');
    expect(await client.shutdownGuest('pve1', 100, 30, signal)).toBe('already');
  });

  it('kills after the timeout of a shutdown, and ends a shutdown of ours when it stops', async () => {
    const { server, client } = await clientFor(answering('UPID:pve1:0:0:0:vzstop:100:a@pve!b:'));
    await client.shutdownGuest('pve1', 100, 30, signal);
    await client.stopGuest('pve1', 100, signal);
    expect(server.received.map(({ body }) => JSON.parse(body))).toEqual([
      { forceStop: 1, timeout: 30 },
      { 'overrule-shutdown': 1 },
    ]);
  });

  it('says of a task that the node does not know that it is unknown', async () => {
    const { client } = await clientFor((_, response) => {
      response.writeHead(400, 'Parameter verification failed.');
      response.end(
        JSON.stringify({ data: null, message: 'Parameter verification failed.\n', errors: { upid: 'no such task' } }),
      );
    });
    expect(await client.task(upid, signal)).toEqual({ status: 'unknown' });
  });

  it('gives the last lines of a log', async () => {
    const lines = ['one', 'two', 'three'].map((t, n) => ({ n: n + 1, t }));
    const { client } = await clientFor(answering(lines));
    expect(await client.taskLog(upid, 2, signal)).toEqual(['two', 'three']);
  });

  it('names in every refusal what was asked of which guest', async () => {
    const { client } = await clientFor(refusing(500, 'CT is locked (backup)'));
    await expect(client.destroyGuest('pve1', 100, signal)).rejects.toThrow(
      'Proxmox refused to destroy guest 100 on node pve1: CT is locked (backup).',
    );
  });

  it('does not take an answer of another shape for an empty one', async () => {
    const { client } = await clientFor(answering({ guests: [] }));
    await expect(client.resources(signal)).rejects.toMatchObject({ meaning: 'other' });
  });

  it('uploads a file as it is, with its checksum', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'containr-client-'));
    const file = { path: join(folder, 'archive'), sizeBytes: 11, sha256: 'abc' };
    await writeFile(file.path, 'hello world');
    const { server, client } = await clientFor(answering('UPID:pve1:0:0:0:imgcopy::a@pve!b:'));
    await client.uploadArchive('pve1', 'local', 'web.tar', file, signal);
    expect(server.received[0]?.headers['transfer-encoding']).toBeUndefined();
    expect(server.received[0]?.body).toContain('name="checksum"\r\n\r\nabc\r\n');
    expect(server.received[0]?.body).toContain('\r\n\r\nhello world\r\n--');

    const cut = client.uploadArchive('pve1', 'local', 'web.tar', { ...file, sizeBytes: 12 }, signal);
    await expect(cut).rejects.toMatchObject({
      meaning: 'invalid',
      message: expect.stringContaining('11 bytes instead of 12'),
    });
    const odd = client.uploadArchive('pve1', 'local', 'a";b.tar', file, signal);
    await expect(odd).rejects.toMatchObject({ meaning: 'invalid' });
    expect(server.received).toHaveLength(1);
    await rm(folder, { recursive: true });
  });

  it.each([
    ['containr@pve', 'secret'],
    ['containr@pve!main=x', 'secret'],
    ['containr@pve!main', 'secret\n'],
    ['containr@pve!main', ''],
  ])('refuses the token %j with %j before it sends it anywhere', (tokenId, tokenSecret) => {
    const make = () => createProxmoxClient({ endpoints: ['https://pve1.example:8006'], tokenId, tokenSecret, tls: {} });
    expect(make).toThrow(/cannot be an API token/);
  });
});
