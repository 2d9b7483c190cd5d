import { mkdirSync, rmSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import { createServer as createListener, type Server as Listener, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Identity } from '../access/identity.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { formatRefusal, plainAnswer, type Answer, type Formatter } from './answer.ts';
import { authenticate } from './authenticate.ts';
import type { ServerCertificate } from './certificate.ts';
import type { Dispatcher, Outcome } from './dispatcher.ts';
import { readForm, readParameters } from './read-parameters.ts';
import { redirectToTls } from './plain-redirect.ts';
import { receiveUpload } from './receive-upload.ts';
import { Refusal } from '../refusal.ts';

const maxBodyBytes = 512 * 1024;
const maxRequestsPerConnection = 100;
const idleMs = 5000;
const methods = ['GET', 'POST', 'PUT', 'DELETE'];

interface Target {
  formatter: Formatter;
  path: string;
  query: string;
}

/** One endpoint: the API of the whole cluster over TLS, as one of its nodes serves it. */
export class ApiServer {
  readonly #cluster: Cluster;
  readonly #dispatcher: Dispatcher;
  readonly #node: string;
  readonly #server: Server;
  readonly #listener: Listener;
  readonly #sockets = new Set<Socket>();
  readonly #requests = new WeakMap<Socket, number>();

  constructor(cluster: Cluster, dispatcher: Dispatcher, node: string, { certificate, key }: ServerCertificate) {
    this.#cluster = cluster;
    this.#dispatcher = dispatcher;
    this.#node = node;
    this.#server = createServer({ cert: certificate, key, maxHeaderSize: 8192 + 4096 }, (request, response) => {
      void this.#serve(request, response);
    });
    this.#server.keepAliveTimeout = idleMs;
    this.#server.keepAliveTimeoutBuffer = 0;
    this.#server.on('tlsClientError', () => undefined);
    this.#server.on('clientError', (_error, socket) => socket.destroy());
    this.#listener = createListener({ noDelay: true }, (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
      redirectToTls(socket, this.#server);
    });
  }

  /** Resolves with the port. */
  async listen(host: string, port: number): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#listener.once('error', reject);
    this.#listener.listen(port, host, resolve);
    await promise;
    const address = this.#listener.address();
    return typeof address === 'object' && address ? address.port : port;
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#listener.close(() => resolve()));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    request.on('error', () => undefined);
    response.on('error', () => undefined);
    if (!this.#cluster.node(this.#node).online) {
      request.socket.destroy();
      return;
    }
    const outcome = await this.#handle(request).catch((): Outcome => 'drop');
    if (outcome === 'drop') request.socket.destroy();
    else this.#send(request, response, outcome);
  }

  async #handle(request: IncomingMessage): Promise<Outcome> {
    const { method = 'GET', headers } = request;
    if (!methods.includes(method)) return plainAnswer(501, `method '${method}' not available`);
    const target = readTarget(request.url ?? '/');
    if ('status' in target) return target;
    const credentials = {
      authorization: headers.authorization,
      cookie: headers.cookie,
      csrfToken: textHeader(headers['csrfpreventiontoken']),
    };
    const isLogin = method === 'POST' && target.path === '/access/ticket';
    const isOpen = isLogin && credentials.authorization === undefined;
    const caller = isOpen ? nobody : authenticate(this.#cluster.access, credentials, method, this.#cluster.now());
    if ('refusal' in caller) {
      await sleep(this.#cluster.settings.authDelayMs);
      return plainAnswer(401, caller.refusal);
    }
    if (headers['content-type']?.startsWith('multipart/form-data')) {
      return this.#upload(request, target, caller.identity);
    }
    return this.#call(request, method, target, caller.identity);
  }

  async #call(request: IncomingMessage, method: string, target: Target, identity: Identity): Promise<Outcome> {
    const refusal = bodyRefusal(request, method);
    if (refusal) return refusal;
    const body = await readBody(request);
    const contentType =
      body.length === 0 && method !== 'POST' && method !== 'PUT' ? undefined : request.headers['content-type'];
    const read = readParameters(target.query, contentType, body);
    if ('answer' in read) return read.answer;
    const { formatter, path } = target;
    const entryNode = this.#node;
    return this.#dispatcher.dispatch({ method, path, formatter, identity, parameters: read.parameters, entryNode });
  }

  /** Rights are looked at before the body is read: who has none finds the connection closed. */
  async #upload(request: IncomingMessage, { formatter, path, query }: Target, identity: Identity): Promise<Outcome> {
    const route = this.#dispatcher.find('POST', path);
    if (!route?.call.path.endsWith('/upload')) return formatRefusal(new Refusal('upload failed'), formatter);
    const parameters = readForm(query);
    try {
      this.#dispatcher.checkRights(route, { identity, parameters });
    } catch {
      return 'drop';
    }
    const folder = join(this.#cluster.settings.dataDir, 'tmp');
    mkdirSync(folder, { recursive: true });
    const received = await receiveUpload(request, folder);
    if (received === 'hang') return new Promise<Outcome>(() => undefined);
    if (received === 'failed') return plainAnswer(500, 'upload failed', 'upload failed\n');
    const { fields, fileName, path: uploaded } = received;
    const outcome = await this.#dispatcher.dispatch({
      method: 'POST',
      path,
      formatter,
      identity,
      parameters: { ...fields, ...parameters, filename: fileName },
      uploaded,
      entryNode: this.#node,
    });
    if (outcome === 'drop' || outcome.status >= 400) rmSync(uploaded, { force: true });
    if (outcome !== 'drop') outcome.headers['Connection'] = 'close';
    return outcome;
  }

  #send(request: IncomingMessage, response: ServerResponse, { status, text, headers, body }: Answer): void {
    const served = (this.#requests.get(request.socket) ?? 0) + 1;
    this.#requests.set(request.socket, served);
    const bytes = Buffer.from(body, 'utf8');
    const ends = status >= 400 || served >= maxRequestsPerConnection || headers['Connection'] === 'close';
    response.useChunkedEncodingByDefault = false; // an answer without a body has no length either
    response.writeHead(status, statusLine(text), {
      'Cache-Control': 'max-age=0',
      Pragma: 'no-cache',
      Server: 'pve-api-daemon/3.0',
      Expires: new Date(this.#cluster.now()).toUTCString(),
      ...(bytes.length > 0 && { 'Content-Length': String(bytes.length) }),
      ...headers,
      Connection: ends ? 'close' : 'Keep-Alive',
    });
    response.end(bytes);
    if (ends) response.on('finish', () => request.socket.destroySoon());
  }
}

const nobody = { identity: { id: '', user: '', token: undefined } };

function readTarget(url: string): Target | Answer {
  const [rawPath = '', query = ''] = url.split(/\?(.*)/s);
  const path = decodePath(rawPath);
  const [, formatter, rest] = /^\/api2\/([a-z]+)(\/.*|)$/.exec(path) ?? [];
  if (formatter === undefined || rest === undefined) {
    return plainAnswer(500, `no such file '${path}'`, `no such file '${path}'\n`);
  }
  const target = rest === '' ? '/' : rest;
  if (formatter !== 'json' && formatter !== 'extjs') {
    const text = `no formatter for uri ${target}, ${formatter}`;
    return plainAnswer(501, text, text);
  }
  return { formatter, path: target, query };
}

function bodyRefusal(request: IncomingMessage, method: string): Answer | undefined {
  const length = Number(request.headers['content-length'] ?? 0);
  const text =
    request.headers['transfer-encoding'] !== undefined
      ? 'chunked transfer encoding not supported'
      : length > 0 && (method === 'GET' || method === 'DELETE')
        ? `Unexpected content for method '${method}'`
        : length > maxBodyBytes
          ? 'for data too large'
          : undefined;
  return text === undefined ? undefined : plainAnswer(501, text, text);
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

/** Only the first line fits, and a status line carries bytes. */
function statusLine(text: string): string {
  return Buffer.from(text.split('\n')[0] ?? '', 'utf8')
    .toString('latin1')
    .replaceAll(/[^\t\x20-\x7e\x80-\xff]/g, ' ');
}

function decodePath(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

function textHeader(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}
