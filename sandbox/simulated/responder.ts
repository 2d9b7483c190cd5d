import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createListener, type Server, type Socket } from 'node:net';
import type { Behaviour } from './behaviour.ts';

/** The program that a responder speaks for. */
export interface RespondingProgram {
  hostname: string;
  vmid: number;
  behaviour: Behaviour;
  /** Called for each request served. */
  served(line: string): void;
}

const programs = new WeakMap<Socket, RespondingProgram>();
const connections = new WeakMap<Server, Set<Socket>>();

/** One HTTP engine for all guests: a guest only costs its listening sockets. */
const http = createServer((request, response) => void respond(request, response));

/** Listens for a program on an address; undefined when somebody else does so already. */
export async function listenFor(program: RespondingProgram, host: string, port: number): Promise<Server | undefined> {
  return listen(host, port, (socket) => {
    programs.set(socket, program);
    http.emit('connection', socket);
  });
}

/** Listens and passes connections on; undefined when the address cannot be had. */
export async function listen(
  host: string,
  port: number,
  accept: (socket: Socket) => void,
): Promise<Server | undefined> {
  const open = new Set<Socket>();
  const server = createListener({ noDelay: true }, (socket) => {
    open.add(socket);
    socket.on('close', () => open.delete(socket));
    socket.on('error', () => undefined);
    accept(socket);
  });
  connections.set(server, open);
  const { promise, resolve } = Promise.withResolvers<Server | undefined>();
  server.once('error', () => resolve(undefined));
  server.listen(port, host, () => resolve(server));
  return promise;
}

/** Stops listening and cuts what is connected. */
export async function closeServer(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  for (const socket of connections.get(server) ?? []) socket.destroy();
  await closed;
}

async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const program = programs.get(request.socket);
  if (!program) return void request.socket.destroy();
  const { hostname, vmid, behaviour } = program;
  request.resume();
  if (behaviour.health === 'slow') await new Promise((resolve) => setTimeout(resolve, behaviour.delayMs));
  const status = behaviour.health === 'failing' ? 503 : 200;
  program.served(`${request.method ?? 'GET'} ${request.url ?? '/'} ${status}`);
  response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8' });
  response.end(`${hostname}, guest ${vmid}, ${status === 200 ? 'answers' : 'is not well'}\n`);
}
