import { PassThrough, type Readable } from 'node:stream';
import type { GuestEndpoint, GuestLinks, GuestUsage } from './guest-links.ts';
import type { GuestRead, GuestRun, GuestRunRequest } from './guest-run.ts';
import { giveOrder, OrderLost, type OrderLine, type OrderTools } from './supervisor-order.ts';

const chunkBytes = 64 * 1024;
const lostOnTheWay = 'the connection was lost on the way';

type Orders = Pick<GuestLinks, 'run' | 'read' | 'write' | 'release' | 'usage'>;

/** What the supervisors of guests can be told to do, each order over a connection of its own; guest/README.md has the protocol. */
export function createGuestOrders(
  endpointOf: (guestUid: string) => GuestEndpoint | undefined,
  tools: OrderTools,
): Orders {
  function order(guestUid: string, words: string, signal: AbortSignal): ReturnType<typeof giveOrder> {
    const endpoint = endpointOf(guestUid);
    if (!endpoint) throw new OrderLost('the guest does not run, or its address is not known yet');
    return giveOrder(endpoint, words, tools, signal);
  }

  return {
    async run(guestUid, request, signal) {
      return unlessLost(async () => {
        const { answer, line } = await order(guestUid, wordsOf('RUN', request), signal);
        line.close();
        return readRun(answer, request.id);
      });
    },

    async read(guestUid, request, signal) {
      let begun: Awaited<ReturnType<typeof giveOrder>>;
      try {
        begun = await order(guestUid, wordsOf('READ', request), signal);
      } catch (error) {
        return notBegun(lost(error));
      }
      if (begun.answer !== `STREAM ${request.id}`) {
        begun.line.close();
        return notBegun(readRun(begun.answer, request.id));
      }
      return receive(begun.line, request.id);
    },

    async write(guestUid, request, source, signal) {
      return unlessLost(async () => {
        const { answer, line } = await order(guestUid, wordsOf('WRITE', request), signal);
        if (answer !== `STREAM ${request.id}`) {
          line.close();
          return readRun(answer, request.id);
        }
        return await send(line, request.id, source);
      });
    },

    async release(guestUid, signal) {
      try {
        const { answer, line } = await order(guestUid, 'RELEASE', signal);
        line.close();
        return !answer.startsWith('ERR ') && answer !== 'held';
      } catch (error) {
        lost(error);
        return false;
      }
    },

    async usage(guestUid, signal) {
      try {
        const { answer, line } = await order(guestUid, 'USAGE', signal);
        line.close();
        return readUsage(answer);
      } catch (error) {
        lost(error);
        return undefined;
      }
    },
  };
}

function wordsOf(order: 'RUN' | 'READ' | 'WRITE', { id, command }: GuestRunRequest): string {
  if (!/^[A-Za-z0-9-]{1,64}$/.test(id)) throw new Error(`"${id}" is no id of a run. Use letters, digits and dashes.`);
  return `${order} ${id} ${command}`;
}

/** How a run stands, from the supervisor's line. Throws OrderLost for a line that is none. */
export function readRun(line: string, id: string): GuestRun {
  if (line.startsWith('ERR ')) return { state: 'unknown', message: `the supervisor says: ${line.slice(4)}` };
  const [first, of, ...words] = line.split(' ');
  const fields = new Map(words.map((word) => [word.slice(0, word.indexOf('=')), word.slice(word.indexOf('=') + 1)]));
  const state = first === 'RUN' && of === id ? fields.get('state') : undefined;
  if (state === 'running') return { state };
  if (state === 'busy')
    return { state: 'unreachable', message: 'the guest runs as many commands as it can; ask again later' };
  if (state === 'unknown')
    return { state, message: 'the guest has no such command: it was started with an older configuration' };
  const [code, sizeBytes] = [Number(fields.get('code')), Number(fields.get('size'))];
  const sha256 = fields.get('sha256') ?? '';
  if (state !== 'exited' || !Number.isSafeInteger(code) || !Number.isSafeInteger(sizeBytes) || sha256.length !== 64)
    throw new OrderLost('what answers is no supervisor');
  return { state, code, sizeBytes, sha256, tail: Buffer.from(fields.get('tail') ?? '', 'base64').toString('utf8') };
}

/** What was used, from the supervisor's line; undefined for one that does not say all of it. */
export function readUsage(line: string): GuestUsage | undefined {
  const words = /^USAGE reads=(\d+) writes=(\d+) uptime_ms=(\d+)$/.exec(line);
  if (!words) return undefined;
  const [reads, writes, uptimeMs] = [Number(words[1]), Number(words[2]), Number(words[3])];
  const isExact = [reads, writes, uptimeMs].every((number) => Number.isSafeInteger(number));
  return isExact ? { reads, writes, uptimeMs } : undefined;
}

function receive(line: OrderLine, id: string): GuestRead {
  const stream = new PassThrough();
  stream.on('error', () => undefined);
  stream.once('close', () => line.close());
  return { stream, end: takeChunks(line, id, stream).catch((error: Error) => fails(stream, error)) };
}

/** Whoever reads only the stream learns of it there; whoever waits for the end, here. */
function fails(stream: PassThrough, error: Error): GuestRun {
  stream.destroy(error);
  return { state: 'unreachable', message: error.message };
}

async function takeChunks(line: OrderLine, id: string, stream: PassThrough): Promise<GuestRun> {
  for (;;) {
    const header = (await line.line()) ?? '';
    if (!/^\d{1,8}$/.test(header)) throw new OrderLost(lostOnTheWay);
    let left = Number(header);
    if (left === 0) break;
    while (left > 0) {
      const bytes = await line.bytes(left);
      if (!bytes) throw new OrderLost(lostOnTheWay);
      left -= bytes.length;
      if (!stream.write(bytes)) await drained(stream);
    }
  }
  const answer = await line.line();
  if (answer === undefined) throw new OrderLost(lostOnTheWay);
  const run = readRun(answer, id);
  stream.end();
  return run;
}

async function send(line: OrderLine, id: string, source: AsyncIterable<Uint8Array>): Promise<GuestRun> {
  const over = new AbortController();
  // The program may end before it has read all, and then there is no point in sending the rest.
  const end = line.line().finally(() => {
    over.abort();
    line.socket.emit('drain');
  });
  end.catch(() => undefined);
  try {
    for await (const chunk of source) {
      for (let at = 0; at < chunk.length && !over.signal.aborted; at += chunkBytes) {
        const piece = chunk.subarray(at, at + chunkBytes);
        line.socket.write(`${piece.length}\n`);
        if (!line.socket.write(piece)) await drained(line.socket);
      }
      if (over.signal.aborted) break;
    }
    if (!over.signal.aborted) line.socket.write('0\n');
    const answer = await end;
    if (answer === undefined) throw new OrderLost(lostOnTheWay);
    return readRun(answer, id);
  } finally {
    line.close();
  }
}

function drained(stream: PassThrough | OrderLine['socket']): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      stream.off('drain', done);
      stream.off('close', done);
      resolve();
    };
    stream.on('drain', done);
    stream.on('close', done);
  });
}

function notBegun(run: GuestRun): GuestRead {
  const stream: Readable = new PassThrough();
  stream.on('error', () => undefined);
  stream.destroy(new Error('The run did not begin.'));
  return { stream, end: Promise.resolve(run) };
}

async function unlessLost(ask: () => Promise<GuestRun>): Promise<GuestRun> {
  try {
    return await ask();
  } catch (error) {
    return lost(error);
  }
}

function lost(error: unknown): GuestRun {
  if (error instanceof OrderLost) return { state: 'unreachable', message: error.message };
  throw error;
}
