import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

/** An application behind the proxy. */
export interface UpstreamApp extends AsyncDisposable {
  address: string;
  /** Requests that it has answered. */
  readonly answered: number;
  /** Streams that are open. */
  readonly streams: number;
  /** Answers what waits at /slow. */
  release(): void;
}

/** Answers its name; /headers tells what it was asked with, /slow waits, /events streams, /socket speaks WebSocket. */
export async function startUpstream(name: string): Promise<UpstreamApp> {
  let answered = 0;
  const open = new Set<ServerResponse | Duplex>();
  const slow: (() => void)[] = [];
  const server = createServer((request, response) => {
    request.resume();
    answered += 1;
    if (request.url === '/slow') return void slow.push(() => response.end(`slow ${name}`));
    if (request.url === '/headers') return void response.end(JSON.stringify(request.headers));
    if (request.url !== '/events') return void response.end(name);
    open.add(response);
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const timer = setInterval(() => response.write(`data: ${name}\n\n`), 20);
    response.on('close', () => {
      clearInterval(timer);
      open.delete(response);
    });
  });
  server.on('upgrade', (request, socket) => {
    open.add(socket);
    socket.on('close', () => open.delete(socket));
    speakWebSocket(request, socket);
  });
  const port = await new Promise<number>((resolve) =>
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : 0);
    }),
  );
  return {
    address: `127.0.0.1:${port}`,
    get answered() {
      return answered;
    },
    get streams() {
      return open.size;
    },
    release() {
      for (const answer of slow.splice(0)) answer();
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      for (const stream of open) stream.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Echoes one short text frame. */
function speakWebSocket(request: IncomingMessage, socket: Duplex): void {
  const key = request.headers['sec-websocket-key'] ?? '';
  const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
  socket.on('error', () => undefined);
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
  );
  socket.on('data', () => socket.write(Buffer.from([0x81, 0x02, 0x68, 0x69])));
}
