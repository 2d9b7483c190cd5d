import { createHash, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { setTimeout as rest } from 'node:timers/promises';
import type { BucketAccess } from '../object-storage.ts';
import { isSigned } from './signature.ts';

/** What goes wrong with a request that fits; `times` tells how often, and it is always without it. */
export interface S3Fault {
  fits: (request: Asked) => boolean;
  times?: number;
  do:
    | { type: 'answer'; status: number; code: string; region?: string; location?: string }
    /** The connection ends without an answer, before or after it was done. */
    | { type: 'cut'; when: 'before' | 'after' }
    | { type: 'slow'; ms: number }
    /** Of an object come so many bytes, and then the connection ends. */
    | { type: 'truncate'; bytes: number }
    | { type: 'etag'; etag: string }
    /** It says 200 and then that it failed. */
    | { type: 'errorIn200' };
}

interface Upload {
  key: string;
  parts: Map<number, Buffer>;
}

/** A server that speaks as much of S3 as copies need, with one bucket, and errors on demand. */
export class S3Server {
  readonly objects = new Map<string, { content: Buffer; etag: string }>();
  readonly uploads = new Map<string, Upload>();
  /** Every request as "METHOD key?query", in the order in which they came. */
  readonly requests: string[] = [];
  /** What was on the wire besides bodies. */
  readonly heads: string[] = [];
  faults: S3Fault[] = [];
  /** Of what a list shows at once. */
  pageSize = 1_000;
  readonly access: BucketAccess;
  readonly #server = createServer((request, response) => void this.#take(request, response));

  private constructor(access: BucketAccess) {
    this.access = access;
  }

  static async start(change: Partial<BucketAccess> = {}): Promise<S3Server> {
    const made = new S3Server({
      endpoint: '',
      region: 'garage',
      bucket: 'backups',
      pathStyle: true,
      accessKeyId: 'GKtest0123456789',
      secretAccessKey: randomBytes(20).toString('hex'),
      ...change,
    });
    await new Promise<void>((resolve) => made.#server.listen(0, '127.0.0.1', resolve));
    const address = made.#server.address();
    if (typeof address !== 'object' || address === null) throw new Error('The server has no port.');
    made.access.endpoint = `http://127.0.0.1:${address.port}`;
    return made;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request) chunks.push(Buffer.from(chunk));
    } catch {
      return;
    }
    const body = Buffer.concat(chunks);
    const url = new URL(request.url ?? '/', 'http://server');
    const [bucket = '', ...names] = url.pathname.slice(1).split('/').map(decodeURIComponent);
    const { method = '' } = request;
    const asked = { method, key: names.join('/'), query: url.searchParams };
    this.requests.push(`${method} ${asked.key}${url.search}`);
    this.heads.push(`${request.url} ${JSON.stringify(request.headers)}`);
    const fault = this.#faultFor(asked);
    if (fault?.type === 'slow') await rest(fault.ms);
    if (fault?.type === 'cut' && fault.when === 'before') return void request.socket.destroy();
    const reply = isSigned(request, body, this.access)
      ? this.#reply(asked, bucket, body, fault)
      : refusal(403, 'SignatureDoesNotMatch');
    if (fault?.type === 'cut') return void request.socket.destroy();
    const { status, headers, content = Buffer.alloc(0) } = reply;
    response.writeHead(status, { 'content-length': String(content.length), ...headers });
    if (method === 'HEAD') return void response.end();
    if (fault?.type !== 'truncate') return void response.end(content);
    response.write(content.subarray(0, fault.bytes), () => response.destroy());
  }

  #faultFor(asked: Asked): S3Fault['do'] | undefined {
    const fault = this.faults.find(({ fits, times = 1 }) => times > 0 && fits(asked));
    if (fault?.times !== undefined) fault.times -= 1;
    return fault?.do;
  }

  #reply(asked: Asked, bucket: string, body: Buffer, fault: S3Fault['do'] | undefined): Reply {
    const { method, key, query } = asked;
    if (fault?.type === 'answer') {
      const { status, code, region, location } = fault;
      const reply = refusal(status, code, region === undefined ? '' : `<Region>${region}</Region>`);
      return location === undefined ? reply : { ...reply, headers: { location } };
    }
    if (bucket !== this.access.bucket) return refusal(404, 'NoSuchBucket');
    if (fault?.type === 'errorIn200') return xml('<Error><Code>InternalError</Code></Error>');
    const uploadId = query.get('uploadId');
    if (method === 'GET' && key === '') return query.has('uploads') ? this.#listUploads(query) : xml('<R></R>');
    if (method === 'POST' && query.has('uploads')) return this.#begin(key);
    if (uploadId !== null) return this.#inUpload(uploadId, method, Number(query.get('partNumber')), body);
    if (method === 'PUT') {
      this.objects.set(key, { content: body, etag: md5(body) });
      return { status: 200, headers: { etag: md5(body) } };
    }
    if (method === 'DELETE') {
      this.objects.delete(key);
      return { status: 204, headers: {} };
    }
    const stored = this.objects.get(key);
    if (!stored) return refusal(404, 'NoSuchKey');
    const { content } = stored;
    const etag = fault?.type === 'etag' ? fault.etag : stored.etag;
    return { status: 200, headers: { etag, 'content-length': String(content.length) }, content };
  }

  #begin(key: string): Reply {
    const id = `up-${randomBytes(6).toString('hex')}`;
    this.uploads.set(id, { key, parts: new Map() });
    return xml(`<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`);
  }

  #inUpload(id: string, method: string, part: number, body: Buffer): Reply {
    const upload = this.uploads.get(id);
    if (!upload) return refusal(404, 'NoSuchUpload');
    if (method === 'DELETE') {
      this.uploads.delete(id);
      return { status: 204, headers: {} };
    }
    if (method === 'PUT') {
      upload.parts.set(part, body);
      return { status: 200, headers: { etag: md5(body) } };
    }
    const listed = [...body.toString().matchAll(/<PartNumber>(\d+)<\/PartNumber><ETag>([^<]*)<\/ETag>/g)];
    const parts = listed.map(([, number, etag]) => ({ content: upload.parts.get(Number(number)), etag }));
    const isRight = parts.every(({ content, etag }) => content && md5(content) === etag?.replaceAll('&quot;', '"'));
    if (!isRight || parts.length !== upload.parts.size) return refusal(400, 'InvalidPart');
    const content = Buffer.concat(parts.flatMap(({ content: one }) => one ?? []));
    this.uploads.delete(id);
    const etag = `"${createHash('md5').update(content).digest('hex')}-${parts.length}"`;
    this.objects.set(upload.key, { content, etag });
    return xml(`<CompleteMultipartUploadResult><ETag>${etag}</ETag></CompleteMultipartUploadResult>`);
  }

  #listUploads(query: URLSearchParams): Reply {
    const all = [...this.uploads].filter(([, { key }]) => key.startsWith(query.get('prefix') ?? ''));
    const after = all.findIndex(([id]) => id === query.get('upload-id-marker')) + 1;
    const page = all.slice(after, after + this.pageSize);
    const rows = page.map(([id, { key }]) => `<Upload><Key>${key}</Key><UploadId>${id}</UploadId></Upload>`);
    const [id, last] = page.at(-1) ?? [];
    const isCut = after + page.length < all.length;
    const next = `<NextKeyMarker>${last?.key}</NextKeyMarker><NextUploadIdMarker>${id}</NextUploadIdMarker>`;
    return xml(`<R>${rows.join('')}<IsTruncated>${isCut}</IsTruncated>${isCut ? next : ''}</R>`);
  }
}

interface Asked {
  method: string;
  key: string;
  query: URLSearchParams;
}

interface Reply {
  status: number;
  headers: Record<string, string>;
  content?: Buffer;
}

function xml(text: string): Reply {
  return { status: 200, headers: { 'content-type': 'application/xml' }, content: Buffer.from(text) };
}

function refusal(status: number, code: string, more = ''): Reply {
  return { ...xml(`<?xml version="1.0"?><Error><Code>${code}</Code><Message>No.</Message>${more}</Error>`), status };
}

function md5(content: Buffer): string {
  return `"${createHash('md5').update(content).digest('hex')}"`;
}
