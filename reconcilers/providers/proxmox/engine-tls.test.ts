import { createServer } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { createProxmoxEngine } from './engine.ts';
import { sendData, startHttpsServer, type TestServer } from './testing/https-server.ts';
import type { TlsTrust } from './tls-connector.ts';

const signal = new AbortController().signal;
const open: { close(): Promise<void> }[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.close()));
});

async function serve(host?: string): Promise<TestServer> {
  const server = await startHttpsServer((_, response) => sendData(response, 'hello'), { host });
  open.push(server);
  return server;
}

function hello(endpoints: readonly string[], tls: TlsTrust): Promise<unknown> {
  const engine = createProxmoxEngine({ endpoints, tokenId: 'a@pve!b', tokenSecret: 'secret', tls });
  open.push(engine);
  return engine.during({ what: 'say hello', signal }).doRequest('get', '/api2/json/version', '/api2/json/version');
}

describe('certificates', () => {
  it('trusts the pinned certificate, however its fingerprint is written', async () => {
    const server = await serve();
    expect(await hello([server.url], { fingerprint: server.fingerprint })).toBe('hello');
    expect(await hello([server.url], { fingerprint: server.fingerprint.toLowerCase() })).toBe('hello');
  });

  it('sends nothing to an endpoint with another certificate, and says what it presented', async () => {
    const [server, other] = [await serve(), await serve()];
    const refused = hello([server.url], { fingerprint: other.fingerprint });
    await expect(refused).rejects.toMatchObject({
      meaning: 'certificate',
      message: expect.stringContaining(server.fingerprint),
    });
    expect(server.received).toEqual([]);
  });

  it('trusts what a given authority vouches for, and nothing else', async () => {
    const [server, other] = [await serve(), await serve()];
    expect(await hello([server.url], { ca: server.cert })).toBe('hello');
    await expect(hello([server.url], { ca: other.cert })).rejects.toMatchObject({ meaning: 'certificate' });
  });

  it('does not trust an authority for a name that is not in the certificate', async () => {
    const server = await serve('127.0.0.2');
    await expect(hello([server.url], { ca: server.cert })).rejects.toMatchObject({ meaning: 'certificate' });
    expect(server.received).toEqual([]);
  });

  it('trusts no unknown certificate without being told to', async () => {
    const server = await serve();
    await expect(hello([server.url], {})).rejects.toMatchObject({ meaning: 'certificate' });
    expect(server.received).toEqual([]);
    expect(await hello([server.url], { insecureSkipVerify: true })).toBe('hello');
  });

  it('sends nothing over a plain connection', async () => {
    const received: string[] = [];
    const server = createServer((request, response) => {
      received.push(request.url ?? '');
      response.end('{"data":"hello"}');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    const refused = hello([`http://127.0.0.1:${port}`], { insecureSkipVerify: true });
    await expect(refused).rejects.toMatchObject({ meaning: 'certificate' });
    expect(received).toEqual([]);
    server.closeAllConnections();
    server.close();
  });

  it('uses the endpoint whose certificate is right when another one is not', async () => {
    const [wrong, right] = [await serve(), await serve()];
    expect(await hello([wrong.url, right.url], { fingerprint: right.fingerprint })).toBe('hello');
    expect(wrong.received).toEqual([]);
  });
});
