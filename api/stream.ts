import type { Clock } from '../controller/clock.ts';
import type { ApiContext } from './context.ts';

/** How often it is looked at again whether a stream may go on. */
const RECHECK_MS = 30_000;

interface StreamOptions {
  maxMs: number;
  /** Whether the one who asked may still have the stream. */
  mayStill(): Promise<boolean>;
}

/** What ends a stream, and why. */
export interface StreamEnd {
  signal: AbortSignal;
  /** Whether it ended because the asker may no longer have it. */
  denied(): boolean;
  /** Gives back timers; to be called once when the stream is over. */
  release(): void;
}

/** A signal that aborts when the client goes, the server stops, the time is over, or the asker lost the right. */
export function streamSignal(
  context: ApiContext,
  { clock, closing }: { clock: Clock; closing: AbortSignal },
  { maxMs, mayStill }: StreamOptions,
): StreamEnd {
  const own = new AbortController();
  let denied = false;
  let cancelRecheck = recheckLater();

  function recheckLater(): () => void {
    return clock.after(RECHECK_MS, () => void recheck());
  }

  async function recheck(): Promise<void> {
    // Not being able to ask says nothing; the next try will tell.
    const may = await mayStill().catch(() => true);
    if (own.signal.aborted) return;
    if (may) {
      cancelRecheck = recheckLater();
      return;
    }
    denied = true;
    own.abort();
  }

  const cancelEnd = clock.after(maxMs, () => own.abort());
  return {
    signal: AbortSignal.any([own.signal, closing, context.req.raw.signal]),
    denied: () => denied,
    release() {
      cancelRecheck();
      cancelEnd();
      own.abort();
    },
  };
}

/** Answers with one line of JSON for each value, as they come and no faster than the client reads. */
export function jsonLines(context: ApiContext, values: AsyncGenerator<object>, end: StreamEnd): Response {
  context.header('Content-Type', 'application/json');
  return textStream(context, toLines(values), end);
}

async function* toLines(values: AsyncGenerator<object>): AsyncGenerator<string> {
  for await (const value of values) yield `${JSON.stringify(value)}\n`;
}

/** Answers with text as it comes and no faster than the client reads. */
export function textStream(context: ApiContext, pieces: AsyncGenerator<string>, end: StreamEnd): Response {
  const encoder = new TextEncoder();
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const next = await pieces.next();
        if (!next.done) return controller.enqueue(encoder.encode(next.value));
        end.release();
        controller.close();
      } catch (error) {
        end.release();
        controller.error(error);
      }
    },
    async cancel() {
      end.release();
      await pieces.return(undefined);
    },
  });
  context.header('Cache-Control', 'no-store');
  return context.body(body);
}
