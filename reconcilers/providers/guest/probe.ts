import { request } from 'node:http';
import { createConnection } from 'node:net';

/** How a check ended. `why` is for people and the same for the same problem. */
export type ProbeResult = { ok: true } | { ok: false; why: string };

/**
 * Asks with GET and is content with a status from 200 to 399. A redirect is an answer like any other and is not followed;
 * the body is not read. Never throws, and never takes longer than the timeout.
 */
export function probeHttp(
  host: string,
  port: number,
  path: string,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<ProbeResult> {
  return probe(timeoutMs, signal, `GET ${path} on port ${port}`, (limit) => {
    const answered = Promise.withResolvers<ProbeResult>();
    const asked = request({
      host,
      port,
      path,
      method: 'GET',
      agent: false,
      headers: { 'user-agent': 'containr-health', accept: '*/*' },
      signal: limit,
    });
    asked.on('error', answered.reject);
    asked.on('response', (response) => {
      const status = response.statusCode ?? 0;
      const ok = status >= 200 && status < 400;
      answered.resolve(ok ? { ok } : { ok, why: `GET ${path} on port ${port} answers ${status}` });
      asked.destroy();
    });
    asked.end();
    return answered.promise;
  });
}

/** Is content with a connection. Never throws, and never takes longer than the timeout. */
export function probeTcp(host: string, port: number, timeoutMs: number, signal: AbortSignal): Promise<ProbeResult> {
  return probe(timeoutMs, signal, `port ${port}`, (limit) => {
    const answered = Promise.withResolvers<ProbeResult>();
    const socket = createConnection({ host, port, signal: limit });
    socket.on('error', answered.reject);
    socket.on('connect', () => {
      answered.resolve({ ok: true });
      socket.destroy();
    });
    return answered.promise;
  });
}

async function probe(
  timeoutMs: number,
  signal: AbortSignal,
  what: string,
  ask: (limit: AbortSignal) => Promise<ProbeResult>,
): Promise<ProbeResult> {
  const timeout = AbortSignal.timeout(timeoutMs);
  try {
    return await ask(AbortSignal.any([signal, timeout]));
  } catch (error) {
    if (timeout.aborted) return { ok: false, why: `${what} does not answer within ${timeoutMs / 1000} s` };
    return { ok: false, why: `${what}: ${wordsFor(error)}` };
  }
}

const words: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ECONNRESET: 'the connection was closed without an answer',
  EPIPE: 'the connection was closed without an answer',
  EHOSTUNREACH: 'the guest cannot be reached',
  ENETUNREACH: 'the guest cannot be reached',
  ETIMEDOUT: 'the guest cannot be reached',
  HPE_INVALID_CONSTANT: 'what answers is not HTTP',
  ABORT_ERR: 'the check was ended',
};

function wordsFor(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  return words[code] ?? (code.startsWith('HPE_') ? 'what answers is not HTTP' : error.message);
}
