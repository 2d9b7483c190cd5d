import { z } from 'zod';

/** What the load is made of. */
export const LoadOptions = z.object({
  /** Of the proxy on this machine. */
  port: z.int(),
  host: z.string(),
  perSecond: z.number(),
  /** Slow answers, a stream of events and a WebSocket besides: only where the application is the real one. */
  withStreams: z.boolean(),
});
export type LoadOptions = z.output<typeof LoadOptions>;

/** What came of it. */
export const LoadReport = z.object({
  requests: z.int(),
  failures: z.array(z.object({ at: z.string(), what: z.string() })),
  /** Of the requests that are answered at once. */
  latenciesMs: z.array(z.number()),
  /** All that answered. */
  versions: z.array(z.string()),
  eventStreams: z.object({ opened: z.int(), events: z.int() }),
  sockets: z.object({ opened: z.int(), echoes: z.int() }),
});
export type LoadReport = z.output<typeof LoadReport>;
