import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';

/** A local file that is sent as the last part of a multipart request. */
export interface FilePart {
  path: string;
  sizeBytes: number;
  filename: string;
}

type Value = string | number | boolean;
export type Params = Readonly<Record<string, Value | null | undefined>>;

/** A body that can be made anew for another attempt. */
export interface RequestBody {
  headers: Readonly<Record<string, string>>;
  /** `onChunk` is called as the body goes out. */
  open(onChunk: () => void): string | Readable;
}

/** What is set, with booleans as Proxmox wants them. */
export function presentParams(params: Params): Record<string, string | number> {
  const present: Record<string, string | number> = {};
  for (const [name, value] of Object.entries(params)) {
    if (value === undefined || value === null) continue;
    present[name] = typeof value === 'boolean' ? Number(value) : value;
  }
  return present;
}

export function queryOf(params: Params): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(presentParams(params))) query.set(name, String(value));
  return query.size === 0 ? '' : `?${query}`;
}

/**
 * JSON, since Proxmox's form parser takes an empty value for none and cuts values at a second "=". Undefined without
 * parameters: an empty JSON body is an error to Proxmox.
 */
export function jsonBody(params: Params): RequestBody | undefined {
  const present = presentParams(params);
  if (Object.keys(present).length === 0) return undefined;
  const text = JSON.stringify(present);
  return { headers: { 'content-type': 'application/json' }, open: () => text };
}

/**
 * Multipart as Proxmox's parser demands it: `content`, `checksum-algorithm`, `checksum`, then the file, named `filename`, with
 * its length told beforehand. Read from the disk as it goes out.
 */
export function uploadBody(params: Params, file: FilePart, boundary: string): RequestBody {
  const present = presentParams(params);
  const fields = ['content', 'checksum-algorithm', 'checksum']
    .filter((name) => name in present)
    .map((name) => `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${present[name]}\r\n`);
  const disposition = `Content-Disposition: form-data; name="filename"; filename="${file.filename}"`;
  const before = Buffer.from(
    `${fields.join('')}--${boundary}\r\n${disposition}\r\nContent-Type: application/octet-stream\r\n\r\n`,
  );
  const after = Buffer.from(`\r\n--${boundary}--\r\n`);
  const contentLength = before.length + file.sizeBytes + after.length;

  async function* parts(onChunk: () => void): AsyncGenerator<Buffer> {
    yield before;
    for await (const chunk of createReadStream(file.path, { highWaterMark: 256 * 1024 })) {
      onChunk();
      yield chunk;
    }
    yield after;
  }

  return {
    headers: { 'content-type': `multipart/form-data; boundary=${boundary}`, 'content-length': String(contentLength) },
    open: (onChunk) => Readable.from(parts(onChunk), { objectMode: false }),
  };
}
