import { randomUUID } from 'node:crypto';
import type { MiddlewareHandler } from 'hono';
import type { Logger } from 'pino';
import type { Clock } from '../controller/clock.ts';
import type { ClientAddress } from './auth/client-address.ts';
import type { ApiEnv } from './context.ts';

interface RequestLogOptions {
  log: Pick<Logger, 'debug' | 'info' | 'error'>;
  clock: Pick<Clock, 'monotonicMs'>;
  clients: ClientAddress;
}

const probes: ReadonlySet<string> = new Set(['/healthz', '/livez', '/readyz']);

/**
 * Gives each request an id, and logs how it ended: who, what and how long, never the query or a body, which may hold secrets.
 * Reads are logged at debug, everything else at info, failures of ours at error.
 */
export function requestLog({ log, clock, clients }: RequestLogOptions): MiddlewareHandler<ApiEnv> {
  return async (context, next) => {
    const given = context.req.header('x-request-id') ?? '';
    const requestId = /^[A-Za-z0-9._-]{8,64}$/.test(given) ? given : randomUUID();
    const address = clients.of(context);
    context.set('requestId', requestId);
    context.set('address', address);
    context.header('X-Request-Id', requestId);
    const startedAt = clock.monotonicMs();
    await next();
    const { method } = context.req;
    const path = withoutTokens(context.req.path);
    const { status } = context.res;
    const ms = Math.round(clock.monotonicMs() - startedAt);
    const user = context.get('identity')?.user;
    const line = { method, path, status, ms, user, address, requestId };
    const words = `${method} ${path} was answered with ${status}.`;
    // A probe that says "not yet" is an answer, not a failure.
    if (status >= 500 && !probes.has(path)) log.error(line, words);
    else if (method === 'GET' || method === 'HEAD') log.debug(line, words);
    else log.info(line, words);
  };
}

/** Somebody may put a token where an id belongs. */
function withoutTokens(path: string): string {
  return path.replaceAll(/ctr_[\w-]{20,}|eyJ[\w-]+\.[\w-]+\.[\w-]*/g, '(hidden)');
}

/** Headers that keep browsers from doing anything clever with answers. */
export function safeHeaders(): MiddlewareHandler<ApiEnv> {
  return async (context, next) => {
    context.header('X-Content-Type-Options', 'nosniff');
    context.header('X-Frame-Options', 'DENY');
    context.header('Content-Security-Policy', "default-src 'none'; frame-ancestors 'none'");
    context.header('Referrer-Policy', 'no-referrer');
    context.header('Cache-Control', 'no-store');
    await next();
  };
}
