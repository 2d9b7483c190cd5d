import { createServer, type RequestListener } from 'node:http';
import { createServer as createTcpServer, type AddressInfo, type Server } from 'node:net';
import { describe, expect, it } from 'vitest';
import { probeHttp, probeTcp } from './probe.ts';

const { signal } = new AbortController();

async function listen(server: Server): Promise<AsyncDisposable & { port: number }> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { port, [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(() => resolve())) };
}

const serve = (listener: RequestListener) => listen(createServer(listener));
const get = (port: number, path = '/health?x=1', timeoutMs = 5_000) =>
  probeHttp('127.0.0.1', port, path, timeoutMs, signal);

describe('probeHttp', () => {
  it.each([200, 204, 302, 399])('is content with %d', async (status) => {
    await using server = await serve((_, response) =>
      response.writeHead(status, { location: 'http://127.0.0.1:1/' }).end(),
    );
    expect(await get(server.port)).toEqual({ ok: true });
  });

  it.each([400, 404, 500, 503])('is not content with %d', async (status) => {
    await using server = await serve((_, response) => response.writeHead(status).end());
    const why = `GET /health?x=1 on port ${server.port} answers ${status}`;
    expect(await get(server.port)).toEqual({ ok: false, why });
  });

  it('asks for the path, and reads no body however long it is', async () => {
    let asked: string | undefined;
    await using server = await serve((request, response) => {
      asked = `${request.method} ${request.url}`;
      const endless = setInterval(() => response.write('x'.repeat(1000)), 1);
      response.on('close', () => clearInterval(endless));
    });
    expect(await get(server.port)).toEqual({ ok: true });
    expect(asked).toBe('GET /health?x=1');
  });

  it('says that nothing listens', async () => {
    expect(await get(1)).toEqual({ ok: false, why: 'GET /health?x=1 on port 1: nothing listens there' });
  });

  it('gives up on a server that never answers, or is no HTTP server', async () => {
    await using silent = await listen(createTcpServer((socket) => socket.on('error', () => undefined).resume()));
    expect(await get(silent.port, '/', 100)).toEqual({
      ok: false,
      why: `GET / on port ${silent.port} does not answer within 0.1 s`,
    });
    await using other = await listen(createTcpServer((socket) => socket.resume().end('SSH-2.0-x\r\n')));
    expect(await get(other.port, '/')).toEqual({
      ok: false,
      why: `GET / on port ${other.port}: what answers is not HTTP`,
    });
  });

  it.each(['/a b', '/a\r\nX-Evil: 1', '/a\nGET /other HTTP/1.1', '/\u0000', '/\u010d\u010aX-Evil:1'])(
    'sends nothing for a path that would be more than a path: %j',
    async (path) => {
      let received = '';
      await using server = await listen(
        createTcpServer((socket) => socket.on('error', () => undefined).on('data', (data) => (received += data))),
      );
      expect(await get(server.port, path, 200)).toMatchObject({ ok: false });
      expect(received).toBe('');
    },
  );

  it('asks the guest itself, whatever host a path names', async () => {
    let asked: string | undefined;
    await using server = await serve((request, response) => {
      asked = `${request.headers.host} ${request.url}`;
      response.end();
    });
    expect(await get(server.port, '//elsewhere.example/@10.0.0.1')).toEqual({ ok: true });
    expect(asked).toBe(`127.0.0.1:${server.port} //elsewhere.example/@10.0.0.1`);
  });

  it('gives up on an answer that comes byte by byte, and on headers without end', async () => {
    await using slow = await listen(
      createTcpServer((socket) => {
        const drip = setInterval(() => socket.write('H'), 20);
        socket.on('error', () => undefined).on('close', () => clearInterval(drip));
        socket.write('HTTP/1.1 200 OK\r\nX-');
      }),
    );
    expect(await get(slow.port, '/', 150)).toMatchObject({
      ok: false,
      why: expect.stringContaining('does not answer'),
    });
    await using endless = await listen(
      createTcpServer((socket) => {
        socket.on('error', () => undefined).resume();
        socket.write(`HTTP/1.1 200 OK\r\nX-Big: ${'x'.repeat(1_000_000)}`);
      }),
    );
    expect(await get(endless.port, '/', 5_000)).toMatchObject({ ok: false });
  });

  it('asks over IPv6 as well', async () => {
    const server = createServer((request, response) =>
      response.writeHead(request.headers.host?.startsWith('[::1]:') ? 200 : 500).end(),
    );
    const hasIpv6 = await new Promise<boolean>((resolve) => {
      server.on('error', () => resolve(false));
      server.listen(0, '::1', () => resolve(true));
    });
    if (!hasIpv6) return console.log('  not tried: this machine has no IPv6');
    const { port } = server.address() as AddressInfo;
    expect(await probeHttp('::1', port, '/', 5_000, signal)).toEqual({ ok: true });
    expect(await probeTcp('::1', port, 5_000, signal)).toEqual({ ok: true });
    await new Promise((resolve) => server.close(resolve));
  });

  it('says that a path is none', async () => {
    await expect(get(1, '/a b')).resolves.toMatchObject({ ok: false });
  });
});

describe('probeTcp', () => {
  it('is content with a connection', async () => {
    await using server = await listen(createTcpServer((socket) => socket.on('error', () => undefined).resume()));
    expect(await probeTcp('127.0.0.1', server.port, 5_000, signal)).toEqual({ ok: true });
  });

  it('says that nothing listens, and ends when it is told to', async () => {
    expect(await probeTcp('127.0.0.1', 1, 5_000, signal)).toEqual({ ok: false, why: 'port 1: nothing listens there' });
    expect(await probeTcp('127.0.0.1', 1, 5_000, AbortSignal.abort())).toMatchObject({ ok: false });
  });
});
