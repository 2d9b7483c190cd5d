import { inspect } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { createProxmoxEngine, type ProxmoxEngine, type ProxmoxEngineOptions, type RequestReport } from './engine.ts';
import { sendData, sendRefusal, startHttpsServer, type Respond, type TestServer } from './testing/https-server.ts';

const SECRET = 'c0ffee00-1111-2222-3333-444455556666';
const never = new AbortController().signal;
const open: { close(): Promise<void> }[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.close()));
});

async function serve(respond: Respond): Promise<TestServer> {
  const server = await startHttpsServer(respond);
  open.push(server);
  return server;
}

function engineFor(
  servers: readonly Pick<TestServer, 'url'>[],
  options: Partial<ProxmoxEngineOptions> = {},
): ProxmoxEngine {
  const engine = createProxmoxEngine({
    endpoints: servers.map(({ url }) => url),
    tokenId: 'containr@pve!main',
    tokenSecret: SECRET,
    tls: { insecureSkipVerify: true },
    ...options,
  });
  open.push(engine);
  return engine;
}

/** An address where nothing listens. */
async function deadEndpoint(): Promise<{ url: string }> {
  const server = await startHttpsServer(() => undefined);
  await server.close();
  return server;
}

function ask(
  engine: ProxmoxEngine,
  method: string,
  path: string,
  params?: Record<string, unknown>,
  signal = never,
): Promise<unknown> {
  return engine
    .during({ what: 'do something', signal })
    .doRequest(method, `/api2/json${path}`, `/api2/json${path}`, params);
}

describe('createProxmoxEngine', () => {
  it('sends the token, reads with a query, and gives the data', async () => {
    const server = await serve((_, response) => sendData(response, { release: '9.2' }));
    expect(await ask(engineFor([server]), 'get', '/version', { current: true, none: undefined })).toEqual({
      release: '9.2',
    });
    expect(server.received).toMatchObject([
      {
        method: 'GET',
        url: '/api2/json/version?current=1',
        headers: { authorization: `PVEAPIToken=containr@pve!main=${SECRET}` },
        body: '',
      },
    ]);
  });

  it('changes with JSON, so that empty values and NUL arrive', async () => {
    const server = await serve((_, response) => sendData(response, null));
    await ask(engineFor([server]), 'put', '/nodes/pve1/lxc/100/config', { env: 'A=1\0B=2', tags: '', onboot: true });
    expect(server.received[0]?.headers['content-type']).toBe('application/json');
    expect(JSON.parse(server.received[0]?.body ?? '')).toEqual({ env: 'A=1\0B=2', tags: '', onboot: 1 });
  });

  it('sends no body, and no type of one, without parameters', async () => {
    const server = await serve((_, response) => sendData(response, 'UPID:x'));
    await ask(engineFor([server]), 'post', '/nodes/pve1/lxc/100/status/start');
    expect(server.received[0]).toMatchObject({ body: '', headers: { 'content-length': '0' } });
    expect(server.received[0]?.headers).not.toHaveProperty('content-type');
  });

  it('deletes with a query and without a body', async () => {
    const server = await serve((_, response) => sendData(response, 'UPID:x'));
    await ask(engineFor([server]), 'delete', '/nodes/pve1/lxc/100', { purge: true });
    expect(server.received[0]).toMatchObject({
      method: 'DELETE',
      url: '/api2/json/nodes/pve1/lxc/100?purge=1',
      body: '',
    });
  });

  it('reads what Proxmox means from the message, or from the status line where there is no body', async () => {
    const server = await serve(({ url }, response) =>
      url.includes('config')
        ? sendRefusal(response, 500, "Configuration file 'x' does not exist", "Configuration file 'x' does not exist")
        : sendRefusal(response, 401, 'Authentication failed!'),
    );
    const engine = engineFor([server]);
    await expect(ask(engine, 'get', '/nodes/pve1/lxc/100/config')).rejects.toMatchObject({ meaning: 'absent' });
    await expect(ask(engine, 'get', '/version')).rejects.toMatchObject({ meaning: 'unauthenticated' });
  });

  it('keeps the secret out of every error', async () => {
    const server = await serve(({ url }, response) => {
      if (url.endsWith('/broken')) return response.destroy();
      if (url.endsWith('/page')) return response.end('<html>');
      return sendRefusal(response, 500, 'no');
    });
    const dead = await deadEndpoint();
    const engine = engineFor([server]);
    const failures = [
      ask(engine, 'post', '/broken'),
      ask(engine, 'get', '/page'),
      ask(engine, 'get', '/other'),
      ask(engineFor([dead]), 'get', '/version'),
      ask(engineFor([server], { tls: { fingerprint: 'AA' } }), 'get', '/version'),
      ask(engineFor([server], { tls: {} }), 'get', '/version'),
    ];
    for (const result of await Promise.allSettled(failures)) {
      expect(result.status).toBe('rejected');
      expect(inspect(result, { depth: 20, showHidden: true })).not.toContain(SECRET);
    }
  });

  it('says so when something else than Proxmox answers', async () => {
    const server = await serve((_, response) => response.end('<html>Router</html>'));
    await expect(ask(engineFor([server]), 'get', '/version')).rejects.toThrow(/not of Proxmox's API.*8006/);
  });

  it('refuses an answer that is too large', async () => {
    const server = await serve((_, response) => sendData(response, 'x'.repeat(50_000)));
    const engine = engineFor([server], { answerLimitBytes: 10_000 });
    await expect(ask(engine, 'post', '/version')).rejects.toThrow(/larger than 10000 bytes/);
  });

  it('tells how each request went, by its template', async () => {
    const reports: RequestReport[] = [];
    const server = await serve((_, response) => sendRefusal(response, 500, 'no'));
    const engine = engineFor([server], { onRequest: (report) => reports.push(report) });
    const api = engine.during({ what: 'x', signal: never });
    await expect(api.doRequest('get', '/api2/json/nodes/pve1', '/api2/json/nodes/*')).rejects.toThrow();
    expect(reports).toMatchObject([{ method: 'GET', template: '/api2/json/nodes/*', status: 500 }]);
  });

  it('asks the guard right before each change, and never for reads', async () => {
    const server = await serve((_, response) => sendData(response, null));
    const guard = () => {
      throw new Error('no longer leading');
    };
    const engine = engineFor([server], { guard });
    await expect(ask(engine, 'put', '/nodes/pve1/lxc/100/config', { memory: 16 })).rejects.toThrow('no longer leading');
    expect(server.received).toEqual([]);
    await expect(ask(engine, 'get', '/version')).resolves.toBeNull();
  });

  it('keeps connections, and not for as long as Proxmox does', async () => {
    const server = await serve((_, response) => sendData(response, null));
    const engine = engineFor([server]);
    for (let n = 0; n < 5; n++) await ask(engine, 'get', '/version');
    const kept = server.connections;
    expect(kept).toBeLessThanOrEqual(2);
    await new Promise((resolve) => setTimeout(resolve, 3_400));
    await ask(engine, 'get', '/version');
    expect(server.connections).toBe(kept + 1);
  });

  it('gives up with the reason of the caller', async () => {
    const server = await serve(() => undefined);
    const stop = new AbortController();
    const waiting = ask(engineFor([server]), 'get', '/version', {}, stop.signal);
    setTimeout(() => stop.abort(new Error('shutting down')), 50);
    await expect(waiting).rejects.toThrow('shutting down');
  });
});
