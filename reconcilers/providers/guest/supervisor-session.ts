import { createHmac } from 'node:crypto';
import type { Socket } from 'node:net';
import type { Clock } from '../../../controller/clock.ts';
import type { ProcessState } from './events.ts';
import { createFrameParser, type FrameParser, type LogPiece } from './frames.ts';

/** What the supervisor says once it has let us in. */
export interface Welcome {
  /** Offset just behind the log. */
  end: number;
  process: ProcessState;
}

/** Why a session ended: `refused` for a secret that is not the guest's, `garbled` for bytes that are no log. */
export type SessionEnd = { how: 'refused' | 'garbled' | 'lost'; why: string };

interface SessionHandlers {
  /** Answers the offset to begin at. */
  welcome(welcome: Welcome): number;
  pieces(pieces: LogPiece[]): void;
  /** Once, and nothing after it. */
  ended(end: SessionEnd): void;
}

export interface Session {
  /** While paused nothing is read, and the guest keeps what comes. */
  pause(paused: boolean): void;
  /** Ends it without a word. */
  close(): void;
}

const handshakeMs = 15_000;
const keepAliveMs = 30_000;
const maxLineBytes = 256;

const hello = /^CONTAINR\/1 ([0-9a-f]{32})$/;
const admitted = /^OK \d{1,16} (\d{1,16}) ([a-z]+)$/;
const processStates = ['held', 'starting', 'running', 'listening', 'backoff', 'finished', 'stopping'] as const;

/** Speaks to one supervisor over one connection; guest/README.md has the protocol. The secret never leaves this function. */
export function startSession(socket: Socket, secret: string, clock: Clock, handlers: SessionHandlers): Session {
  let phase: 'hello' | 'answer' | 'log' = 'hello';
  let rest: Buffer = Buffer.alloc(0);
  let parser: FrameParser | undefined;
  let over = false;
  const cancelTimeout = clock.after(handshakeMs, () => finish({ how: 'lost', why: 'the supervisor does not answer' }));

  function finish(end: SessionEnd): void {
    if (over) return;
    over = true;
    cancelTimeout();
    socket.destroy();
    handlers.ended(end);
  }

  function read(chunk: Buffer): void {
    if (parser) return handlers.pieces(parser.add(chunk));
    rest = Buffer.concat([rest, chunk]);
    const lineEnd = rest.indexOf(0x0a);
    if (lineEnd < 0 && rest.length > maxLineBytes) throw new Error('what answers is no supervisor');
    if (lineEnd < 0) return;
    const line = rest.toString('latin1', 0, lineEnd);
    const behind = rest.subarray(lineEnd + 1);
    rest = Buffer.alloc(0);
    readLine(line);
    if (behind.length > 0 && !over) read(behind);
  }

  function readLine(line: string): void {
    if (phase === 'hello') {
      const nonce = hello.exec(line)?.[1];
      if (nonce === undefined) throw new Error('what answers is no supervisor');
      socket.write(`AUTH ${createHmac('sha256', secret).update(nonce).digest('hex')}\n`);
      phase = 'answer';
      return;
    }
    const [, end, word] = admitted.exec(line) ?? [];
    if (end === undefined) {
      return finish({ how: 'refused', why: 'the supervisor does not know the secret; the guest has an older one' });
    }
    const process = processStates.find((state) => state === word) ?? 'unknown';
    cancelTimeout();
    phase = 'log';
    parser = createFrameParser();
    socket.write(`LOGS ${handlers.welcome({ end: Number(end), process })}\n`);
  }

  socket.setNoDelay(true);
  socket.setKeepAlive(true, keepAliveMs);
  socket.on('data', (chunk: Buffer) => {
    if (over) return;
    try {
      read(chunk);
    } catch (error) {
      finish({ how: 'garbled', why: error instanceof Error ? error.message : String(error) });
    }
  });
  socket.on('error', (error) => finish({ how: 'lost', why: error.message }));
  socket.on('close', () => finish({ how: 'lost', why: 'the supervisor closed the connection' }));

  return {
    pause(paused) {
      if (paused) socket.pause();
      else socket.resume();
    },
    close() {
      over = true;
      cancelTimeout();
      socket.destroy();
    },
  };
}
