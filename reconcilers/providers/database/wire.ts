import { createConnection, type Socket } from 'node:net';

/** The other side says something that its protocol does not know, or more than anybody needs. */
export class WireError extends Error {}

/** So much one answer may take; a stranger behind the port must not fill our memory. */
const MAX_BYTES = 4 * 2 ** 20;

/** A connection that is read by the piece. Every wait ends with an error when the signal aborts or the other side hangs up. */
export interface Wire {
  /** Exactly so many bytes. */
  read(count: number): Promise<Buffer>;
  /** Up to CR LF, without it. */
  readLine(): Promise<string>;
  write(bytes: Buffer): void;
  close(): void;
}

/** Connects; `signal` stays in force over the whole conversation. */
export async function openWire(host: string, port: number, signal: AbortSignal): Promise<Wire> {
  const socket = createConnection({ host, port, noDelay: true, signal });
  const wire = new SocketWire(socket);
  await wire.connected;
  return wire;
}

class SocketWire implements Wire {
  readonly connected: Promise<void>;
  readonly #socket: Socket;
  #bytes = Buffer.alloc(0);
  #ended: Error | undefined;
  #wake: () => void = () => undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    const opened = Promise.withResolvers<void>();
    this.connected = opened.promise;
    socket.on('connect', opened.resolve);
    socket.on('data', (chunk) => {
      this.#bytes = Buffer.concat([this.#bytes, chunk]);
      this.#wake();
    });
    const end = (error: Error): void => {
      this.#ended ??= error;
      opened.reject(this.#ended);
      this.#wake();
    };
    socket.on('error', end);
    socket.on('close', () => end(new WireError('the connection was closed without an answer')));
  }

  async read(count: number): Promise<Buffer> {
    if (count > MAX_BYTES) throw new WireError('the answer is too long');
    while (this.#bytes.length < count) await this.#more();
    return this.#take(count);
  }

  async readLine(): Promise<string> {
    for (;;) {
      const end = this.#bytes.indexOf('\r\n');
      if (end >= 0) return this.#take(end + 2).toString('utf8', 0, end);
      if (this.#bytes.length > MAX_BYTES) throw new WireError('the answer is too long');
      await this.#more();
    }
  }

  write(bytes: Buffer): void {
    this.#socket.write(bytes);
  }

  close(): void {
    this.#socket.destroy();
  }

  #take(count: number): Buffer {
    const taken = this.#bytes.subarray(0, count);
    this.#bytes = this.#bytes.subarray(count);
    return taken;
  }

  async #more(): Promise<void> {
    if (this.#ended) throw this.#ended;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    await promise;
  }
}
