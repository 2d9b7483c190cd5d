import { createHash } from 'node:crypto';
import { setTimeout as rest } from 'node:timers/promises';
import { Pool, type Dispatcher } from 'undici';
import { isStorageFault, StorageFault } from './fault.ts';
import type { BucketAccess } from './object-storage.ts';
import { refusalOf, type S3Answer } from './s3-answer.ts';

export interface S3Request {
  method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE';
  /** Of the object; empty for the bucket itself. */
  key: string;
  query?: Readonly<Record<string, string>>;
  headers?: Readonly<Record<string, string>>;
  body?: Buffer;
}

/** One bucket, request by request, each signed (SigV4) together with what it carries. */
export interface S3Requests {
  urlOf(key: string): string;
  /** Reads the answer in full. What another try may help is tried again, a few times. Throws StorageFault for refusals. */
  send(request: S3Request, signal: AbortSignal): Promise<S3Answer>;
  /** As `send`, with the body on its way; the caller takes it in full or destroys it. */
  open(request: S3Request, signal: AbortSignal): Promise<Dispatcher.ResponseData>;
  close(): Promise<void>;
}

/** What the two sides of a transfer may take without a byte going by. */
const SILENCE_MS = 60_000;
const TRIES = 4;
const FIRST_REST_MS = 250;
/** An answer that is read in full is a few lines, or a list. */
const MOST_TEXT_BYTES = 4 * 2 ** 20;

interface Tools {
  silenceMs?: number;
  firstRestMs?: number;
}

/** Reaches a bucket. A redirect is never followed. */
export function createS3Requests(access: BucketAccess, tools: Tools = {}): S3Requests {
  const { endpoint, region, bucket, pathStyle, accessKeyId, secretAccessKey } = access;
  const { silenceMs = SILENCE_MS, firstRestMs = FIRST_REST_MS } = tools;
  const server = new URL(endpoint);
  if (!pathStyle) server.hostname = `${bucket}.${server.hostname}`;
  const pool = new Pool(server.origin, {
    connections: 8,
    connectTimeout: 10_000,
    headersTimeout: silenceMs,
    bodyTimeout: silenceMs,
  });

  function urlOf(key: string): URL {
    // A URL would be made shorter by these, and name another object.
    if (key !== '' && key.split('/').some((name) => ['', '.', '..'].includes(name)))
      throw new StorageFault('refused', `"${key}" is no key that could be asked for.`);
    const path = [...(pathStyle ? [bucket] : []), ...key.split('/')].map(encodeStrictly).join('/');
    return new URL(`/${path}`, server);
  }

  async function signed({ method, key, query = {}, headers = {}, body }: S3Request) {
    const url = urlOf(key);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    const { AwsV4Signer } = await import('aws4fetch');
    const signer = new AwsV4Signer({
      method,
      url: url.href,
      headers: {
        ...headers,
        'x-amz-content-sha256': createHash('sha256')
          .update(body ?? '')
          .digest('hex'),
      },
      service: 's3',
      region,
      accessKeyId,
      secretAccessKey,
    });
    const { headers: all } = await signer.sign();
    // As it is signed: a query is encoded in more than one way.
    const search = signer.encodedSearch === '' ? '' : `?${signer.encodedSearch}`;
    return { path: `${url.pathname}${search}`, headers: Object.fromEntries(all.entries()) };
  }

  async function once(request: S3Request, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    const what = wordsOf(request, access);
    const { path, headers } = await signed(request);
    try {
      const { method, body } = request;
      const answer = await pool.request({ method, path, headers, signal, body: body ?? null });
      if (answer.statusCode < 300) return answer;
      throw refusalOf(await readAll(answer), what);
    } catch (error) {
      throw signal.aborted || isStorageFault(error) ? error : unreachable(what, error);
    }
  }

  async function again<T>(signal: AbortSignal, attempt: () => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await attempt();
      } catch (error) {
        signal.throwIfAborted();
        if (tries === TRIES || !isStorageFault(error, 'unreachable', 'damaged')) throw error;
        await rest(firstRestMs * 4 ** (tries - 1), undefined, { signal });
      }
    }
  }

  return {
    urlOf: (key) => urlOf(key).href,
    open: (request, signal) => again(signal, () => once(request, signal)),
    send: (request, signal) =>
      again(signal, async () => {
        const answer = await once(request, signal);
        try {
          return await readAll(answer);
        } catch (error) {
          throw signal.aborted || isStorageFault(error) ? error : unreachable(wordsOf(request, access), error);
        }
      }),
    close: () => pool.destroy(),
  };
}

async function readAll({ statusCode, headers, body }: Dispatcher.ResponseData): Promise<S3Answer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    const bytes = Buffer.from(chunk);
    size += bytes.length;
    if (size > MOST_TEXT_BYTES) {
      body.destroy();
      throw new StorageFault('refused', 'What answers is no S3 server: its answer does not end. Correct endpoint.');
    }
    chunks.push(bytes);
  }
  return { status: statusCode, headers, text: Buffer.concat(chunks).toString('utf8') };
}

/** Never the query, nor anything of the login. */
function wordsOf({ method, key }: S3Request, { endpoint, bucket }: BucketAccess): string {
  return `${method}${key === '' ? '' : ` ${key}`} of bucket ${bucket} at ${new URL(endpoint).origin}`;
}

function unreachable(what: string, error: unknown): StorageFault {
  const why = error instanceof Error ? error.message : String(error);
  return new StorageFault('unreachable', `${what} got no usable answer (${why}). Check that the server runs.`, {
    cause: error,
  });
}

/** As signatures want it: also what a URL would let pass. */
function encodeStrictly(text: string): string {
  return encodeURIComponent(text).replaceAll(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}
