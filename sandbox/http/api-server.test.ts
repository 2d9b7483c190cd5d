import { createHash } from 'node:crypto';
import { request as plainRequest } from 'node:http';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { startTestSandbox, type TestSandbox } from '../testing/test-sandbox.ts';

let test: TestSandbox;
let token = '';
beforeAll(async () => {
  test = await startTestSandbox();
  token = `root@pam!raw=${await test.sandbox.addToken('root@pam', 'raw', { privsep: false })}`;
});
afterAll(() => test.close());

function open(): TLSSocket {
  const { port } = new URL(test.sandbox.url);
  return connectTls({ port: Number(port), host: '127.0.0.1', ca: test.sandbox.certificate });
}

/** Sends bytes and resolves with everything that comes until the server closes the connection. */
async function exchange(text: string | Buffer): Promise<string> {
  const socket = open();
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => chunks.push(chunk));
  socket.write(text);
  await new Promise<void>((resolve) => socket.on('close', () => resolve()).on('error', () => resolve()));
  return Buffer.concat(chunks).toString('utf8');
}

function rawRequest(method: string, path: string, headers: readonly string[] = [], body = ''): string {
  const lines = [`${method} /api2/json${path} HTTP/1.1`, 'Host: x', `Authorization: PVEAPIToken=${token}`, ...headers];
  return `${lines.join('\r\n')}\r\n\r\n${body}`;
}

describe('the API server', () => {
  it('shows a certificate whose fingerprint it tells', async () => {
    const socket = open();
    await new Promise<void>((resolve) => socket.on('secureConnect', () => resolve()));
    expect(socket.getPeerCertificate().fingerprint256).toBe(test.sandbox.fingerprint);
    socket.destroy();
  });

  it('keeps its certificate over a restart', async () => {
    const before = test.sandbox.fingerprint;
    await test.restart();
    token = `root@pam!raw=${await test.sandbox.addToken('root@pam', 'raw', { privsep: false })}`;
    expect(test.sandbox.fingerprint).toBe(before);
  });

  it.each([
    [
      'chunked bodies',
      () => rawRequest('POST', '/nodes/pve1/lxc', ['Transfer-Encoding: chunked'], '0\r\n\r\n'),
      501,
      'chunked transfer encoding not supported',
    ],
    [
      'bodies over 512 KiB',
      () => rawRequest('POST', '/nodes/pve1/lxc', ['Content-Length: 524289']),
      501,
      'for data too large',
    ],
    [
      'bodies of GET',
      () => rawRequest('GET', '/version', ['Content-Length: 1'], 'x'),
      501,
      "Unexpected content for method 'GET'",
    ],
    ['other methods', () => rawRequest('OPTIONS', '/version'), 501, "method 'OPTIONS' not available"],
    ['paths without a call', () => rawRequest('GET', '/nope'), 501, "Method 'GET /nope' not implemented"],
  ])('refuses %s in the status line, and closes the connection', async (_, text, status, words) => {
    const answer = await exchange(text());
    expect(answer.split('\r\n')[0]).toBe(`HTTP/1.1 ${status} ${words}`);
    expect(answer).toContain('Connection: close');
  });

  it('answers who it does not know with an empty 401', async () => {
    const answer = await exchange('GET /api2/json/version HTTP/1.1\r\nHost: x\r\n\r\n');
    expect(answer).toMatch(/^HTTP\/1.1 401 No ticket\r\n/);
    expect(answer.split('\r\n\r\n')[1]).toBe('');
  });

  it('serves a hundred requests on one connection and no more', async () => {
    const answer = await exchange(rawRequest('GET', '/version').repeat(120));
    expect(answer.match(/HTTP\/1.1 200 OK/g)).toHaveLength(100);
  });

  it('closes an idle connection after five seconds', { timeout: 15_000 }, async () => {
    const started = Date.now();
    await exchange(rawRequest('GET', '/version'));
    expect(Date.now() - started).toBeGreaterThan(4500);
  });

  it('sends plain HTTP to TLS', async () => {
    const { port } = new URL(test.sandbox.url);
    const answers = ['GET', 'POST'].map(
      (method) =>
        new Promise<string>((resolve) => {
          plainRequest({ port, host: '127.0.0.1', method, path: '/x' }, ({ statusCode, headers }) =>
            resolve(`${statusCode} ${headers.location}`),
          ).end();
        }),
    );
    expect(await Promise.all(answers)).toEqual([`301 https://127.0.0.1:${port}/x`, `308 https://127.0.0.1:${port}/x`]);
  });

  it('takes a query before the body, and refuses a vmid that is not that of the path', async () => {
    const headers = { 'Content-Type': 'application/x-www-form-urlencoded' };
    const path = '/api2/json/nodes/pve1/lxc/100/config?memory=1';
    const low = await test.api.send({ method: 'PUT', path, headers, body: 'memory=512' });
    expect(low.body).toMatchObject({ errors: { memory: 'value must have a minimum value of 16' } });
    const other = await test.api.call('PUT', '/nodes/pve1/lxc/100/config', { vmid: 101 });
    expect(other.body).toMatchObject({
      errors: { vmid: 'duplicate parameter (already defined in URI) with conflicting values!' },
    });
  });

  it('keeps tokens from logging in', async () => {
    const answer = await test.api.call('POST', '/access/ticket', { username: 'root@pam', password: 'x' });
    expect([answer.status, answer.statusText]).toEqual([
      403,
      "Permission check failed (URI '/access/ticket' not available with API token, need proper ticket.",
    ]);
  });
});

describe('an upload', () => {
  const boundary = 'xyz';
  const part = (name: string, value: string): string =>
    `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
  const file = (content: string, name = 'filename', fileName = 'a b.tar'): string =>
    `--${boundary}\r\nContent-Disposition: form-data; name="${name}"; filename="${fileName}"\r\n\r\n${content}\r\n--${boundary}--\r\n`;
  const upload = (body: string) =>
    test.api.send({
      method: 'POST',
      path: '/api2/json/nodes/pve1/storage/local/upload',
      headers: { 'Content-Type': `multipart/form-data; boundary=${boundary}` },
      body,
    });
  const endOf = (body: unknown): Promise<string> => test.api.taskEnd(z.object({ data: z.string() }).parse(body).data);

  it('overwrites silently, under a name of plain characters', async () => {
    for (const content of ['first', 'second']) {
      const answer = await upload(part('content', 'vztmpl') + file(content));
      expect(await endOf(answer.body)).toBe('OK');
    }
    const listed = await test.api.data('GET', '/nodes/pve1/storage/local/content', { content: 'vztmpl' });
    expect(listed).toContainEqual(expect.objectContaining({ volid: 'local:vztmpl/a_b.tar', size: 6 }));
  });

  it('fails the task when the checksum is another', async () => {
    const sums = part('checksum-algorithm', 'sha256') + part('checksum', '0'.repeat(64));
    const answer = await upload(part('content', 'vztmpl') + sums + file('x', 'filename', 'sum.tar'));
    const got = createHash('sha256').update('x').digest('hex');
    expect(await endOf(answer.body)).toBe(`checksum mismatch: got '${got}' != expect '${'0'.repeat(64)}'`);
  });

  it('loses fields that come in another order, so that their checksum is never checked', async () => {
    const sums = part('checksum', '0'.repeat(64)) + part('checksum-algorithm', 'sha256');
    const answer = await upload(part('content', 'vztmpl') + sums + file('x', 'filename', 'order.tar'));
    expect(answer.body).toMatchObject({ errors: { 'checksum-algorithm': expect.any(String) } });
  });

  it('loses a content that comes behind the checksum', async () => {
    const sums = part('checksum-algorithm', 'sha256') + part('checksum', '0'.repeat(64));
    const answer = await upload(sums + part('content', 'vztmpl') + file('x'));
    expect(answer.body).toMatchObject({ errors: { content: 'property is missing and it is not optional' } });
  });

  it('fails where the file has another field name', async () => {
    expect((await upload(part('content', 'vztmpl') + file('x', 'file'))).status).toBe(500);
  });

  it('closes the connection on who may not upload', async () => {
    const audit = await test.clientFor('audit@pve');
    const headers = { 'Content-Type': `multipart/form-data; boundary=${boundary}` };
    const path = '/api2/json/nodes/pve1/storage/local/upload';
    await expect(audit.send({ method: 'POST', path, headers, body: file('x') })).rejects.toThrow();
  });
});
