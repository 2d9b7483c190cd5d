import { createServer, type ServerOptions } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Server } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import type { Hono } from 'hono';
import { Fault } from '../controller/errors.ts';
import type { ApiEnv } from './context.ts';

/** A server that takes requests. */
export interface RunningServer {
  /** Where this machine reaches it. */
  url: string;
  port: number;
  /** Takes no more connections, lets requests under way end, and cuts off those that do not in time. */
  close(): Promise<void>;
}

interface ServerSettings {
  app: Hono<ApiEnv>;
  host: string;
  /** 0 takes a free one. */
  port: number;
  /** Certificate and key in PEM; without them the server speaks plain HTTP. */
  tls?: { cert: string; key: string } | undefined;
  /** Called when closing begins, to end what would never end on its own. */
  onClosing?: (() => void) | undefined;
  /** How long requests under way may take to end; 10 s. */
  graceMs?: number | undefined;
}

/** Who sends slowly must not keep a connection for ever. Answers may take as long as they like: watches are answers. */
const limits: ServerOptions = {
  headersTimeout: 10_000,
  requestTimeout: 60_000,
  keepAliveTimeout: 60_000,
  connectionsCheckingInterval: 5_000,
  maxHeaderSize: 16_384,
};
const MOST_CONNECTIONS = 4_096;

/** Serves the app. Throws Unavailable, with what to do, when it cannot listen. */
export async function startServer(settings: ServerSettings): Promise<RunningServer> {
  const { app, host, tls, onClosing, graceMs = 10_000 } = settings;
  const common = { fetch: app.fetch, overrideGlobalObjects: false };
  const server = tls
    ? createAdaptorServer({ ...common, createServer: createTlsServer, serverOptions: { ...limits, ...tls } })
    : createAdaptorServer({ ...common, createServer, serverOptions: limits });
  if (!('closeIdleConnections' in server)) throw new Error('an HTTP/1 server was asked for');
  server.maxConnections = MOST_CONNECTIONS;
  const { port } = await listen(server, host, settings.port);

  return {
    url: `${tls ? 'https' : 'http'}://${reachable(host)}:${port}`,
    port,
    async close() {
      onClosing?.();
      const closed = new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
      // A connection whose last request has just ended would be kept for the next one, which never comes.
      const sweep = setInterval(() => server.closeIdleConnections(), 20);
      const cut = setTimeout(() => server.closeAllConnections(), graceMs);
      await closed;
      clearInterval(sweep);
      clearTimeout(cut);
    },
  };
}

function listen(server: Server, host: string, port: number): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => reject(cannotListen(cause, host, port)));
    server.listen(port, host, () => {
      const address = server.address();
      if (typeof address === 'object' && address) resolve(address);
      else reject(new Error('a server on a port has an address'));
    });
  });
}

function cannotListen(cause: Error, host: string, port: number): Fault {
  const code = 'code' in cause ? cause.code : undefined;
  const where = `port ${port} of ${host}`;
  if (code === 'EADDRINUSE') {
    return new Fault(
      'Unavailable',
      `Another program listens on ${where} already. Stop it, or set CONTAINR_PORT to another port.`,
      { cause },
    );
  }
  if (code === 'EACCES') {
    return new Fault(
      'Denied',
      `Listening on ${where} is not allowed. Ports below 1024 need root; set CONTAINR_PORT to a higher one.`,
      { cause },
    );
  }
  return new Fault('Unavailable', `Listening on ${where} failed: ${cause.message}. Check CONTAINR_HOST.`, { cause });
}

/** An address to connect to, for one that means "any". */
function reachable(host: string): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1';
  return host.includes(':') ? `[${host}]` : host;
}
