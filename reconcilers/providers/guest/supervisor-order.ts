import { createHmac } from 'node:crypto';
import type { Socket } from 'node:net';
import type { Clock } from '../../../controller/clock.ts';
import type { GuestEndpoint } from './guest-links.ts';

/** What an order over a connection of its own needs. */
export interface OrderTools {
  connect: (host: string, port: number) => Socket;
  clock: Clock;
}

/** The supervisor was not reached, or not to its end; the message says why, for people. */
export class OrderLost extends Error {
  override readonly name = 'OrderLost';
}

/** A connection that the supervisor has let in. */
export interface OrderLine {
  readonly socket: Socket;
  /** The next line without its newline; undefined at the end. Throws OrderLost. */
  line(): Promise<string | undefined>;
  /** The next bytes, at most so many; undefined at the end. Throws OrderLost. */
  bytes(most: number): Promise<Buffer | undefined>;
  /** Ends it without a word. */
  close(): void;
}

/** So long the supervisor may take for what it answers at once. */
const answerWithinMs = 15_000;
const maxLineBytes = 16 * 1024;

const hello = /^CONTAINR\/1 ([0-9a-f]{32})$/;

/**
 * Gives the supervisor one order and returns what it answers with. `patience` is for the first line of the answer only; whoever
 * reads on waits for as long as `signal` lets them. Throws OrderLost, or the signal's reason.
 */
export async function giveOrder(
  { host, port, secret }: GuestEndpoint,
  order: string,
  { connect, clock }: OrderTools,
  signal: AbortSignal,
): Promise<{ answer: string; line: OrderLine }> {
  signal.throwIfAborted();
  const socket = connect(host, port);
  const line = readLines(socket, signal);
  const cancelTimeout = clock.after(answerWithinMs, () =>
    socket.destroy(new OrderLost('the supervisor does not answer')),
  );
  try {
    const nonce = hello.exec((await line.line()) ?? '')?.[1];
    if (nonce === undefined) throw new OrderLost('what answers is no supervisor');
    socket.write(`AUTH ${createHmac('sha256', secret).update(nonce).digest('hex')}\n`);
    if (!(await line.line())?.startsWith('OK '))
      throw new OrderLost('the supervisor does not know the secret; the guest has an older one');
    socket.write(`${order}\n`);
    const answer = await line.line();
    if (answer === undefined) throw new OrderLost('the supervisor closed the connection');
    return { answer, line };
  } catch (error) {
    line.close();
    throw error;
  } finally {
    cancelTimeout();
  }
}

function readLines(socket: Socket, signal: AbortSignal): OrderLine {
  let rest: Buffer = Buffer.alloc(0);
  const chunks: AsyncIterator<Buffer, undefined> = socket[Symbol.asyncIterator]();
  const abort = (): void => void socket.destroy();
  signal.addEventListener('abort', abort, { once: true });
  socket.once('close', () => signal.removeEventListener('abort', abort));
  socket.on('error', () => undefined);
  socket.setNoDelay(true);
  socket.setKeepAlive(true, 30_000);

  /** False at the end. */
  async function more(): Promise<boolean> {
    try {
      const { value, done } = await chunks.next();
      signal.throwIfAborted();
      if (done === true || value === undefined) return false;
      rest = rest.length === 0 ? value : Buffer.concat([rest, value]);
      return true;
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof OrderLost) throw error;
      throw new OrderLost(error instanceof Error ? error.message : String(error));
    }
  }

  return {
    socket,
    async line() {
      for (;;) {
        const end = rest.indexOf(0x0a);
        if (end >= 0) {
          const text = rest.toString('latin1', 0, end);
          rest = rest.subarray(end + 1);
          return text;
        }
        if (rest.length > maxLineBytes) throw new OrderLost('what answers is no supervisor');
        if (!(await more())) return undefined;
      }
    },
    async bytes(most) {
      if (rest.length === 0 && !(await more())) return undefined;
      const taken = rest.subarray(0, most);
      rest = rest.subarray(taken.length);
      return taken;
    },
    close() {
      socket.destroy();
    },
  };
}
