import { connect, type Socket } from 'node:net';
import { Hono } from 'hono';
import { afterEach, describe, expect, it } from 'vitest';
import type { ApiEnv } from './context.ts';
import { startServer, type RunningServer } from './server.ts';

const running: RunningServer[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.close()));
});

async function start(
  app: Hono<ApiEnv>,
  settings: { onClosing?: () => void; graceMs?: number } = {},
): Promise<RunningServer> {
  const server = await startServer({ app, host: '127.0.0.1', port: 0, ...settings });
  running.push(server);
  return server;
}

function app(): Hono<ApiEnv> {
  const routes = new Hono<ApiEnv>();
  routes.get('/', (context) => context.text('hello'));
  routes.post('/', (context) => context.text('refused', 413));
  return routes;
}

/** A stream that says one thing and then nothing until it is told to end. */
function silent(signal: AbortSignal): Hono<ApiEnv> {
  const routes = new Hono<ApiEnv>();
  routes.get('/', (context) =>
    context.body(
      new ReadableStream<Uint8Array>({
        start(controller) {
          controller.enqueue(new TextEncoder().encode('one\n'));
          signal.addEventListener('abort', () => controller.close());
        },
      }),
    ),
  );
  return routes;
}

describe('startServer', () => {
  it('answers where it says', async () => {
    const { url } = await start(app());
    expect(await (await fetch(url)).text()).toBe('hello');
  });

  it('says what to do when the port is taken', async () => {
    const { port } = await start(app());
    const second = startServer({ app: app(), host: '127.0.0.1', port });
    await expect(second).rejects.toMatchObject({
      code: 'Unavailable',
      message: expect.stringContaining('CONTAINR_PORT'),
    });
  });

  it('goes on after a request whose body nobody read', async () => {
    const { url } = await start(app());
    const refused = await fetch(url, { method: 'POST', body: 'x'.repeat(5_000_000) });
    expect(refused.status).toBe(413);
    expect((await fetch(url)).status).toBe(200);
  });

  it('sends the headers of a stream that has nothing to say yet', async () => {
    const routes = new Hono<ApiEnv>();
    const end = new AbortController();
    routes.get('/', (context) => {
      context.header('Content-Type', 'application/json');
      return context.body(
        new ReadableStream<Uint8Array>({
          start: (controller) => end.signal.addEventListener('abort', () => controller.close()),
        }),
      );
    });
    const { url } = await start(routes, { onClosing: () => end.abort() });
    const answer = await fetch(url);
    expect(answer.status).toBe(200);
    end.abort();
    expect(await answer.text()).toBe('');
  });

  it('ends streams when it closes, so that clients see an end and not a break', async () => {
    const end = new AbortController();
    const server = await start(silent(end.signal), { onClosing: () => end.abort() });
    const answer = await fetch(server.url);
    const text = answer.text();
    await server.close();
    expect(await text).toBe('one\n');
    await expect(fetch(server.url)).rejects.toThrow(/fetch failed/);
  });

  it('cuts off what does not end in time', async () => {
    const server = await start(silent(new AbortController().signal), { graceMs: 50 });
    const answer = await fetch(server.url);
    const text = answer.text();
    await Promise.all([server.close(), expect(text).rejects.toThrow()]);
  });

  it('tells a handler that its client went', async () => {
    const gone = Promise.withResolvers<string>();
    const asked = Promise.withResolvers<void>();
    const routes = new Hono<ApiEnv>();
    routes.get('/', (context) => {
      context.req.raw.signal.addEventListener('abort', () => gone.resolve('gone'));
      asked.resolve();
      return context.body(new ReadableStream<Uint8Array>({ pull: () => new Promise(() => undefined) }));
    });
    const { port } = await start(routes, { graceMs: 50 });
    const socket = await request(port, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await asked.promise;
    socket.destroy();
    expect(await gone.promise).toBe('gone');
  });

  it('refuses headers without measure', async () => {
    const { port } = await start(app());
    const socket = await request(port, `GET / HTTP/1.1\r\nHost: x\r\nA: ${'x'.repeat(20_000)}\r\n\r\n`);
    const answer = await new Promise<string>((resolve) => socket.once('data', (data) => resolve(data.toString())));
    expect(answer).toContain('431');
    socket.destroy();
  });
});

function request(port: number, text: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.write(text);
      resolve(socket);
    });
    socket.once('error', reject);
  });
}
