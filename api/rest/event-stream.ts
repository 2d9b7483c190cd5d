import type { ApiContext } from '../context.ts';
import { streamSignal, textStream } from '../stream.ts';
import { mayRead } from './find-object.ts';
import type { RestDeps } from './rest-deps.ts';
import type { Asked } from '../auth/authorizer.ts';

const MOST_MS = 6 * 3_600_000;

/** The heartbeat of an event stream, which clients skip: intermediaries cut connections on which nothing is said. */
export const heartbeat = { everyMs: 15_000, text: ': still here\n\n' };

/** One event of a stream. */
export function eventText(event: string, id: string, data: object): string {
  return `event: ${event}\nid: ${id}\ndata: ${JSON.stringify(data)}\n\n`;
}

/**
 * Answers with text as it comes. It ends when the client goes, the server stops, after six hours, or soon after the asker
 * lost the right to it; `make` gets the signal of that.
 */
export function answerStream(
  context: ApiContext,
  deps: RestDeps,
  { type, asked }: { type: 'text/event-stream' | 'text/plain; charset=utf-8'; asked: Omit<Asked, 'verb'> },
  make: (signal: AbortSignal) => AsyncGenerator<string>,
): Response {
  context.header('Content-Type', type);
  // Nobody would read it, nor let go of it.
  if (context.req.method === 'HEAD') return context.body(null);
  const mayStill = async () => (await context.get('tokenHolds')()) && (await mayRead(context, deps, asked));
  const end = streamSignal(context, deps, { maxMs: MOST_MS, mayStill });
  // Proxies that gather answers would keep the lines to themselves.
  context.header('X-Accel-Buffering', 'no');
  return textStream(context, make(end.signal), end);
}
