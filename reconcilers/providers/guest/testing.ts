import { createHmac, randomBytes } from 'node:crypto';
import { createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LogLine, LogStore } from '../../../controller/logs.ts';

// What the tests of this folder share: a supervisor and a log store in memory.

/** Looks again and again until the claim holds; a test's own timeout ends it. */
export async function until(claim: () => boolean): Promise<void> {
  while (!claim()) await sleep(5);
}

export function frame(stream: string, text: string | Buffer, milliseconds = 1_700_000_000_000): Buffer {
  const data = Buffer.from(text);
  const header = `${stream} ${milliseconds}000000 ${data.length}\n`;
  return Buffer.concat([Buffer.from(header), data, Buffer.from('\n')]);
}

/** Speaks the supervisor's protocol over a log that the test writes. */
export class TestSupervisor implements AsyncDisposable {
  secret = 'open sesame';
  process = 'running';
  /** The log from `start` on. */
  start = 0;
  log: Buffer = Buffer.alloc(0);
  asked: number[] = [];
  readonly #server: Server;
  readonly #clients = new Set<Socket>();
  readonly #following = new Set<Socket>();

  private constructor(server: Server) {
    this.#server = server;
    server.on('connection', (socket) => this.#serve(socket));
  }

  static async open(): Promise<TestSupervisor> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new TestSupervisor(server);
  }

  get port(): number {
    const address = this.#server.address();
    return address !== null && typeof address === 'object' ? address.port : 0;
  }

  get connections(): number {
    return this.#clients.size;
  }

  write(...frames: Buffer[]): void {
    const bytes = Buffer.concat(frames);
    this.log = Buffer.concat([this.log, bytes]);
    for (const socket of this.#following) socket.write(bytes);
  }

  /** Sends bytes that are not in the log. */
  say(text: string): void {
    for (const socket of this.#following) socket.write(text);
  }

  /** The oldest bytes are gone. */
  forget(count: number): void {
    this.log = this.log.subarray(count);
    this.start += count;
  }

  disconnect(): void {
    for (const socket of this.#clients) socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.disconnect();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #serve(socket: Socket): void {
    this.#clients.add(socket);
    socket.on('close', () => {
      this.#clients.delete(socket);
      this.#following.delete(socket);
    });
    socket.on('error', () => undefined);
    const nonce = randomBytes(16).toString('hex');
    const proof = createHmac('sha256', this.secret).update(nonce).digest('hex');
    socket.write(`CONTAINR/1 ${nonce}\n`);
    let received = '';
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1');
      const lines = received.split('\n');
      received = lines.pop() ?? '';
      for (const line of lines) this.#answer(socket, line, proof);
    });
  }

  #answer(socket: Socket, line: string, proof: string): void {
    const end = this.start + this.log.length;
    if (line === `AUTH ${proof}`) socket.write(`OK ${this.start} ${end} ${this.process}\n`);
    else if (line.startsWith('LOGS ')) this.#follow(socket, Number(line.slice(5)), end);
    else socket.end('ERR no\n');
  }

  #follow(socket: Socket, offset: number, end: number): void {
    this.asked.push(offset);
    if (offset > end) return void socket.end('ERR beyond the end\n');
    const from = Math.max(offset, this.start);
    socket.write(from > offset ? `GAP ${offset} ${from}\n` : `FROM ${from}\n`);
    socket.write(this.log.subarray(from - this.start));
    this.#following.add(socket);
  }
}

/** Appends whole or not at all, and a position once, as the real one does. */
export class TestLogStore implements LogStore {
  readonly lines = new Map<string, LogLine[]>();
  readonly #resumeAt = new Map<string, number>();
  failing = false;
  appends = 0;

  async append(stream: string, lines: readonly LogLine[], resumeAt: number): Promise<void> {
    await sleep(1);
    if (this.failing) throw new Error('the store is away');
    this.appends += 1;
    const before = this.lines.get(stream) ?? [];
    const known = new Set(before.map(({ position }) => position));
    const added = lines.filter(({ position }) => !known.has(position));
    this.lines.set(
      stream,
      [...before, ...added].sort((a, b) => a.position - b.position),
    );
    this.#resumeAt.set(stream, resumeAt);
  }

  async resumeAt(stream: string): Promise<number | undefined> {
    if (this.failing) throw new Error('the store is away');
    return this.#resumeAt.get(stream);
  }

  async read(stream: string): Promise<LogLine[]> {
    return this.lines.get(stream) ?? [];
  }

  async changed(): Promise<void> {}
  async remove(): Promise<void> {}
  async trim(): Promise<void> {}

  texts(stream: string): string[] {
    return (this.lines.get(stream) ?? []).map(({ text }) => text);
  }
}
