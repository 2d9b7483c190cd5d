import { Pool } from 'undici';
import { ProxyFault } from './fault.ts';

export interface AdminAnswer {
  status: number;
  text: string;
  /** What `ifMatch` has to be for the next change of the same path. */
  etag: string | undefined;
}

export interface AdminRequest {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  path: string;
  body?: string;
  contentType?: string;
  ifMatch?: string | undefined;
}

/** Caddy's admin API, call by call. Throws ProxyFault `unreachable` when there is no answer. */
export interface AdminApi {
  call(request: AdminRequest, signal: AbortSignal): Promise<AdminAnswer>;
  close(): Promise<void>;
}

const TIMEOUT_MS = 15_000;

/** Reaches an admin API at `http://host:port` or `unix:///path`, which a Proxy names in `field`. Nothing is connected yet. */
export function connectAdmin(endpoint: string, field = 'spec.endpoint'): AdminApi {
  const url = new URL(endpoint);
  const timeouts = { headersTimeout: TIMEOUT_MS, bodyTimeout: TIMEOUT_MS, connectTimeout: 5_000 };
  const isSocket = url.protocol === 'unix:';
  const pool = isSocket
    ? new Pool('http://localhost', { ...timeouts, connections: 4, socketPath: decodeURIComponent(url.pathname) })
    : new Pool(url.origin, { ...timeouts, connections: 4 });

  return {
    async call({ method, path, body, contentType = 'application/json', ifMatch }, signal) {
      try {
        const answer = await pool.request({
          method,
          path,
          signal,
          // Caddy starts its admin API anew with each change, so a connection that is kept would be closed under the next call.
          reset: true,
          headers: {
            // What it checks a browser by; over a socket there is no name to be called by.
            ...(isSocket && { host: '', origin: '' }),
            ...(body !== undefined && { 'content-type': contentType }),
            ...(ifMatch !== undefined && { 'if-match': ifMatch }),
          },
          body: body ?? null,
        });
        const text = await answer.body.text();
        return { status: answer.statusCode, text, etag: answer.trailers['etag'] ?? headerOf(answer.headers['etag']) };
      } catch (error) {
        if (signal.aborted) throw signal.reason;
        const why = error instanceof Error ? error.message : String(error);
        throw new ProxyFault(
          'unreachable',
          `Caddy's admin API at ${endpoint} does not answer (${why}). Check that Caddy runs and that ${field} is right.`,
          { cause: error },
        );
      }
    },
    close: () => pool.destroy(),
  };
}

function headerOf(value: string | string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : value?.[0];
}
