import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { selfSignedCertificate } from './self-signed-certificate.ts';

export interface ReceivedRequest {
  method: string;
  url: string;
  headers: IncomingMessage['headers'];
  body: string;
}

export interface TestServer {
  url: string;
  fingerprint: string;
  cert: string;
  /** Whole requests, in order. */
  received: ReceivedRequest[];
  /** Connections so far. */
  connections: number;
  close(): Promise<void>;
}

/** How a server answers one request; nothing is said when it returns without ending the response. */
export type Respond = (request: ReceivedRequest, response: ServerResponse) => void;

/** An HTTPS server on the loopback with a certificate of its own. */
export async function startHttpsServer(
  respond: Respond,
  { host = '127.0.0.1', port = 0 }: { host?: string | undefined; port?: number } = {},
): Promise<TestServer> {
  const certificate = selfSignedCertificate();
  const server = createServer(certificate, (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      const received = { method, url, headers, body: Buffer.concat(chunks).toString() };
      started.received.push(received);
      respond(received, response);
    });
  });
  server.keepAliveTimeout = 5_000;
  await new Promise<void>((resolve) => server.listen(port, host, resolve));
  const started: TestServer = {
    url: `https://${host}:${portOf(server.address())}`,
    fingerprint: certificate.fingerprint,
    cert: certificate.cert,
    received: [],
    connections: 0,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  server.on('secureConnection', () => (started.connections += 1));
  return started;
}

/** Answers as Proxmox does. */
export function sendData(response: ServerResponse, data: unknown): void {
  response.writeHead(200, 'OK', { 'content-type': 'application/json;charset=UTF-8' });
  response.end(JSON.stringify({ data }));
}

/** Refuses as Proxmox does; without a message the body is empty, as for pseudo statuses and failed logins. */
export function sendRefusal(response: ServerResponse, status: number, statusText: string, message?: string): void {
  response.writeHead(status, statusText, { connection: 'close' });
  response.end(message === undefined ? undefined : JSON.stringify({ data: null, message: `${message}\n` }));
}

function portOf(address: AddressInfo | string | null): number {
  return typeof address === 'object' && address ? address.port : 0;
}
