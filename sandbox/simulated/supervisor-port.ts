import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Socket } from 'node:net';
import { answerRunOrder, readChunks, readRunOrder, type RunOrder } from './run-order.ts';
import type { SupervisorLog } from './supervisor-log.ts';
import type { SupervisorRuns } from './supervisor-runs.ts';

/** What the port needs of the supervisor. */
export interface Supervised {
  readonly log: SupervisorLog;
  readonly secret: string;
  readonly runs: SupervisorRuns;
  state(): string;
  /** The answer to `USAGE`. */
  usage(): string;
  /** Starts a process that is held. */
  release(): void;
}

const maxLine = 4096;
const maxConnections = 16;
const loginMs = 5000;
const refusalMs = 1000;

/** Serves the supervisor's protocol on the connections that come in. */
export class SupervisorPort {
  readonly #supervised: Supervised;
  readonly #connections = new Set<Connection>();

  constructor(supervised: Supervised) {
    this.#supervised = supervised;
  }

  accept(socket: Socket): void {
    if (this.#connections.size >= maxConnections) {
      const stranger = [...this.#connections].find(({ isAdmitted }) => !isAdmitted);
      if (!stranger) return void socket.destroy();
      stranger.end();
    }
    const connection = new Connection(socket, this.#supervised);
    this.#connections.add(connection);
    socket.on('close', () => this.#connections.delete(connection));
  }

  close(): void {
    for (const connection of this.#connections) connection.end();
  }
}

class Connection {
  readonly #socket: Socket;
  readonly #supervised: Supervised;
  readonly #nonce = randomBytes(16).toString('hex');
  readonly #login: NodeJS.Timeout;
  #held = '';
  #stopFollowing: () => void = () => undefined;
  /** Takes what comes, while it is the input of a run. */
  #takeInput: ((text: string) => void) | undefined;
  isAdmitted = false;

  constructor(socket: Socket, supervised: Supervised) {
    this.#socket = socket;
    this.#supervised = supervised;
    this.#login = setTimeout(() => this.end(), loginMs);
    socket.setEncoding('latin1');
    socket.on('error', () => undefined);
    socket.on('data', (text) => this.#receive(String(text)));
    socket.on('close', () => {
      clearTimeout(this.#login);
      this.#stopFollowing();
    });
    socket.write(`CONTAINR/1 ${this.#nonce}\n`);
  }

  end(): void {
    this.#socket.destroy();
  }

  #receive(text: string): void {
    this.#held += text;
    if (this.#takeInput) return this.#takeInput(this.#held);
    for (let end = this.#held.indexOf('\n'); end >= 0; end = this.#held.indexOf('\n')) {
      const line = this.#held.slice(0, end);
      this.#held = this.#held.slice(end + 1);
      if (this.#socket.writableEnded) return;
      if (this.isAdmitted) this.#command(line);
      else this.#authenticate(line);
    }
    if (this.#held.length > maxLine) this.#refuse('the line is too long');
  }

  #authenticate(line: string): void {
    const given = /^AUTH (.*)$/.exec(line)?.[1];
    if (given === undefined) return this.#refuse('authenticate first');
    const { secret, log } = this.#supervised;
    const expected = createHmac('sha256', secret).update(this.#nonce).digest();
    const proof = Buffer.from(given, 'hex');
    if (proof.length !== expected.length || !timingSafeEqual(proof, expected)) {
      this.#socket.pause();
      setTimeout(() => this.#refuse('wrong secret'), refusalMs);
      return;
    }
    this.isAdmitted = true;
    clearTimeout(this.#login);
    this.#socket.write(`OK ${log.start} ${log.end} ${this.#supervised.state()}\n`);
  }

  #command(line: string): void {
    if (line === 'STATUS') {
      this.#socket.write(`${this.#supervised.state()}\n`);
      return;
    }
    if (line === 'RELEASE') {
      this.#supervised.release();
      this.#socket.write(`${this.#supervised.state()}\n`);
      return;
    }
    if (line === 'USAGE') {
      this.#socket.write(`${this.#supervised.usage()}\n`);
      return;
    }
    const order = readRunOrder(line);
    if (order) return void this.#run(order);
    const offset = /^LOGS (\d{1,15})$/.exec(line)?.[1];
    if (offset === undefined) return this.#refuse('unknown command');
    this.#follow(Number(offset));
  }

  #follow(from: number): void {
    const { log } = this.#supervised;
    if (from > log.end) return this.#refuse('the offset is beyond the end of the log');
    let offset = from;
    if (from >= log.start) this.#socket.write(`FROM ${from}\n`);
    const send = (): void => {
      while (!this.#socket.destroyed && !this.#socket.writableNeedDrain && offset < log.end) {
        if (offset < log.start) {
          this.#socket.write(`GAP ${offset} ${log.start}\n`);
          offset = log.start;
        }
        const bytes = log.read(offset);
        this.#socket.write(bytes);
        offset += bytes.length;
      }
    };
    this.#stopFollowing();
    const stop = log.follow(send);
    this.#socket.on('drain', send);
    this.#stopFollowing = () => {
      stop();
      this.#socket.off('drain', send);
    };
    send();
  }

  async #run(order: RunOrder): Promise<void> {
    await answerRunOrder(order, this.#supervised.runs, this.#socket, () => this.#input()).catch(() => this.end());
  }

  #input(): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      this.#socket.once('close', () => reject(new Error('the client left before all was there')));
      this.#takeInput = (text) => {
        const input = readChunks(text);
        if (input) resolve(input);
      };
    });
  }

  #refuse(why: string): void {
    this.#socket.end(`ERR ${why}\n`);
  }
}
