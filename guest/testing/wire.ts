import { createHmac } from 'node:crypto';
import { connect, type Socket } from 'node:net';

/** A frame of the log, or the news that some are gone. */
export type Entry = Frame | Gap;

export interface Frame {
  kind: 'frame';
  stream: string;
  timeNs: bigint;
  data: Buffer;
  /** The frame as it came, header and all. */
  raw: Buffer;
}

export interface Gap {
  kind: 'gap';
  from: number;
  to: number;
}

/** The outside end of a connection to a supervisor, read at the pace of the caller. */
export class Wire {
  readonly socket: Socket;
  /** Of the log: where the next frame begins. Counted here, so that a frame lost, repeated or cut is found at once. */
  offset = 0;
  #held: Buffer = Buffer.alloc(0);
  #wake: () => void = () => undefined;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('error', () => undefined); // a reset is seen as the end by whoever reads
    for (const event of ['readable', 'end', 'close']) socket.on(event, () => this.#wake());
  }

  /** Keeps trying for ten seconds: a supervisor that was just started does not listen yet. */
  static async open(port: number): Promise<Wire> {
    for (let attempt = 0; attempt < 1000; attempt++) {
      const socket = connect(port, '127.0.0.1');
      const wire = new Wire(socket);
      const connected = await new Promise((resolve) => {
        socket.once('connect', () => resolve(true));
        socket.once('close', () => resolve(false));
      });
      if (connected) return wire;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    throw new Error(`nobody listens on port ${port}`);
  }

  /** Undefined when the connection ended. */
  async line(): Promise<string | undefined> {
    for (;;) {
      const end = this.#held.indexOf('\n');
      if (end >= 0) return this.#take(end + 1).toString('utf8', 0, end);
      if (!(await this.#more())) return undefined;
    }
  }

  /** Fewer when the connection ended. */
  async bytes(count: number): Promise<Buffer> {
    const chunks: Buffer[] = [];
    let missing = count;
    while (missing > 0) {
      const chunk = this.#take(Math.min(missing, this.#held.length));
      chunks.push(chunk);
      missing -= chunk.length;
      if (missing > 0 && !(await this.#more())) break;
    }
    return Buffer.concat(chunks);
  }

  /** Everything up to the end of the connection. */
  async rest(): Promise<Buffer> {
    return this.bytes(Number.MAX_SAFE_INTEGER);
  }

  /** Undefined when the connection ended. */
  async entry(): Promise<Entry | undefined> {
    const header = await this.line();
    if (header === undefined) return undefined;
    const gap = /^GAP (\d+) (\d+)$/.exec(header);
    if (gap) return this.skip(Number(gap[1]), Number(gap[2]));
    const [stream = '', time = '', length = ''] = header.split(' ');
    if (!/^[oOeEs] \d{19} \d+$/.test(header)) throw new Error(`not a frame: ${JSON.stringify(header)}`);
    const body = await this.bytes(Number(length) + 1);
    if (body.length <= Number(length)) return undefined;
    if (body.at(-1) !== 0x0a) throw new Error(`no newline behind the data of ${header}`);
    const raw = Buffer.concat([Buffer.from(`${header}\n`), body]);
    this.offset += raw.length;
    return { kind: 'frame', stream, timeNs: BigInt(time), data: body.subarray(0, -1), raw };
  }

  /** Entries up to and with the first that satisfies; throws when the connection ends before. */
  async until(satisfies: (entry: Entry) => boolean): Promise<Entry[]> {
    const entries: Entry[] = [];
    for (;;) {
      const entry = await this.entry();
      if (!entry) throw new Error(`the connection ended after ${entries.map((each) => text(each)).join(' | ')}`);
      entries.push(entry);
      if (satisfies(entry)) return entries;
    }
  }

  /** Takes note of what is gone. */
  skip(from: number, to: number): Gap {
    if (from !== this.offset) throw new Error(`a gap from ${from} where ${this.offset} is next`);
    this.offset = to;
    return { kind: 'gap', from, to };
  }

  send(text: string): void {
    this.socket.write(text);
  }

  close(): void {
    this.socket.destroy();
  }

  #take(count: number): Buffer {
    const taken = this.#held.subarray(0, count);
    this.#held = this.#held.subarray(count);
    return taken;
  }

  async #more(): Promise<boolean> {
    for (;;) {
      const chunk: unknown = this.socket.read();
      if (chunk instanceof Buffer) {
        this.#held = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
        return true;
      }
      if (this.socket.readableEnded || this.socket.destroyed) return false;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}

/** What an admitted client is told first. */
export interface Admission {
  wire: Wire;
  start: number;
  end: number;
  state: string;
}

/** Connects and authenticates; throws when it is refused. */
export async function admit(port: number, secret: string): Promise<Admission> {
  const wire = await Wire.open(port);
  const nonce = /^CONTAINR\/1 ([0-9a-f]{32})$/.exec((await wire.line()) ?? '')?.[1] ?? '';
  wire.send(`AUTH ${proof(secret, nonce)}\n`);
  const answer = (await wire.line()) ?? 'nothing';
  const [, start, end, state] = /^OK (\d+) (\d+) (\w+)$/.exec(answer) ?? [];
  if (state === undefined) throw new Error(`not admitted: ${answer}`);
  return { wire, start: Number(start), end: Number(end), state };
}

/** Connects and reads the log from an offset; `answer` is the line before the first frame. */
export async function readLog(port: number, secret: string, offset = 0): Promise<Admission & { answer: string }> {
  const admission = await admit(port, secret);
  admission.wire.send(`LOGS ${offset}\n`);
  admission.wire.offset = offset;
  const answer = (await admission.wire.line()) ?? 'nothing';
  const gap = /^GAP (\d+) (\d+)$/.exec(answer);
  if (gap) admission.wire.skip(Number(gap[1]), Number(gap[2]));
  return { ...admission, answer };
}

/** What a client answers the nonce with. */
export function proof(secret: string, nonce: string): string {
  return createHmac('sha256', secret).update(nonce).digest('hex');
}

/** STREAM and DATA of an entry, for assertions: `o hello`, `s event=boot version=1`, `GAP 0 100`. */
export function text(entry: Entry): string {
  return entry.kind === 'gap' ? `GAP ${entry.from} ${entry.to}` : `${entry.stream} ${entry.data.toString()}`;
}

/** Says whether an entry is the event of that name. */
export function isEvent(name: string): (entry: Entry) => boolean {
  return (entry) => `${text(entry)} `.startsWith(`s event=${name} `);
}

/** Says whether an entry is a line of that text, on stdout or stderr. */
export function isLine(line: string): (entry: Entry) => boolean {
  return (entry) => entry.kind === 'frame' && entry.stream !== 's' && entry.data.toString() === line;
}

/** The words of an event: `event=exit code=3` gives `{ event: 'exit', code: '3' }`. */
export function eventWords(entry: Entry | undefined): Record<string, string> {
  const words = entry === undefined ? [] : text(entry).slice(2).split(' ');
  return Object.fromEntries(words.map((word) => [word.split('=')[0] ?? '', word.slice(word.indexOf('=') + 1)]));
}
