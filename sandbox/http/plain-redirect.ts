import { createServer } from 'node:http';
import type { Server as TlsServer } from 'node:https';
import type { Socket } from 'node:net';

/** First byte of every TLS connection. */
const handshake = 0x16;

const plain = createServer((request, response) => {
  const status = request.method === 'GET' ? 301 : 308;
  const location = `https://${request.headers.host ?? 'localhost'}${request.url ?? '/'}`;
  response.writeHead(status, { Location: location, Connection: 'close' });
  response.end();
});

/** Hands a new connection to the TLS server, or sends whoever speaks plain HTTP there. */
export function redirectToTls(socket: Socket, server: TlsServer): void {
  socket.on('error', () => undefined);
  socket.once('readable', () => {
    const first: unknown = socket.read(1);
    if (!Buffer.isBuffer(first)) return;
    socket.unshift(first);
    (first[0] === handshake ? server : plain).emit('connection', socket);
  });
}
