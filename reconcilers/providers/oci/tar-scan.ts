import { Fault } from '../../../controller/errors.ts';

/** One entry of a tar, as a scan meets it. */
export interface TarEntry {
  /** Without "./" and "/" at either end. */
  name: string;
  /** The same of what a link points at. */
  linkName: string;
  /** The type letter: "0" file, "1" hard link, "2" symbolic link, "3" and "4" devices, "5" folder. */
  type: string;
  uid: number;
  gid: number;
}

const blockSize = 512;
const maxExtensionBytes = 1024 ** 2;

/**
 * Passes a tar on byte for byte, asking of each entry whether it stays. Takes as much memory as the longest name. Throws
 * Invalid for what is no tar.
 */
export async function* scanTar(
  source: AsyncIterable<Buffer>,
  keeps: (entry: TarEntry) => boolean,
): AsyncGenerator<Buffer> {
  const reader = new BlockReader(source);
  try {
    yield* scanBlocks(reader, keeps);
  } finally {
    await reader.end();
  }
}

async function* scanBlocks(reader: BlockReader, keeps: (entry: TarEntry) => boolean): AsyncGenerator<Buffer> {
  let extensions: Buffer[] = [];
  let overrides: Overrides = {};
  for (let header = await reader.take(blockSize); header; header = await reader.take(blockSize)) {
    if (header.every((byte) => byte === 0)) {
      yield header;
      yield* reader.rest();
      return;
    }
    checkSum(header);
    const type = header.toString('latin1', 156, 157).replace('\0', '0');
    const size = overrides.size ?? readNumber(header, 124, 12);
    if (type === 'x' || type === 'L' || type === 'K' || type === 'g') {
      const body = await reader.takeAll(padded(readNumber(header, 124, 12)), maxExtensionBytes);
      extensions.push(header, body);
      overrides = { ...overrides, ...readExtension(type, body.subarray(0, readNumber(header, 124, 12))) };
      continue;
    }
    const kept = keeps(entryOf(header, type, overrides));
    if (kept) yield* [...extensions, header];
    if (type === 'S') yield* moreSparseHeaders(reader, header, kept);
    for await (const chunk of reader.stream(hasBody(type) ? padded(size) : 0)) if (kept) yield chunk;
    extensions = [];
    overrides = {};
  }
}

interface Overrides {
  name?: string;
  linkName?: string;
  uid?: number;
  gid?: number;
  size?: number;
}

function entryOf(header: Buffer, type: string, overrides: Overrides): TarEntry {
  const prefix = header.toString('latin1', 257, 262) === 'ustar' && header[262] === 0 ? readText(header, 345, 155) : '';
  const name = overrides.name ?? [prefix, readText(header, 0, 100)].filter((part) => part !== '').join('/');
  return {
    name: cleanName(name),
    linkName: cleanName(overrides.linkName ?? readText(header, 157, 100)),
    type,
    uid: overrides.uid ?? readNumber(header, 108, 8),
    gid: overrides.gid ?? readNumber(header, 116, 8),
  };
}

function cleanName(name: string): string {
  return name
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .join('/');
}

/** Links, folders and devices have none, whatever size their header says. */
function hasBody(type: string): boolean {
  return !/[1-6]/.test(type);
}

function padded(size: number): number {
  return Math.ceil(size / blockSize) * blockSize;
}

/** Old GNU sparse files continue their map in blocks of their own, each saying whether another follows. */
async function* moreSparseHeaders(reader: BlockReader, header: Buffer, kept: boolean): AsyncGenerator<Buffer> {
  let another = header[482] === 1;
  while (another) {
    const block = await reader.takeAll(blockSize, blockSize);
    if (kept) yield block;
    another = block[504] === 1;
  }
}

function readExtension(type: string, body: Buffer): Overrides {
  if (type === 'L') return { name: readText(body, 0, body.length) };
  if (type === 'K') return { linkName: readText(body, 0, body.length) };
  if (type === 'g') return {};
  const records = readPax(body);
  const number = (key: string) => (records.has(key) ? { [key]: Number(records.get(key)) } : {});
  const [path, link] = [records.get('path'), records.get('linkpath')];
  return {
    ...(path !== undefined && { name: path }),
    ...(link !== undefined && { linkName: link }),
    ...number('uid'),
    ...number('gid'),
    ...number('size'),
  };
}

/** Records are "LENGTH KEY=VALUE LF", the length counting itself. */
function readPax(body: Buffer): Map<string, string> {
  const records = new Map<string, string>();
  for (let at = 0; at < body.length;) {
    const space = body.indexOf(' ', at);
    const length = Number(body.toString('latin1', at, space));
    if (space < 0 || !Number.isInteger(length) || length < 4) throw noTar();
    const record = body.toString('utf8', space + 1, at + length - 1);
    const equals = record.indexOf('=');
    records.set(record.slice(0, equals), record.slice(equals + 1));
    at += length;
  }
  return records;
}

function readText(bytes: Buffer, start: number, length: number): string {
  const field = bytes.subarray(start, start + length);
  const end = field.indexOf(0);
  return field.toString('utf8', 0, end < 0 ? field.length : end);
}

/** Octal digits, or a big number in base 256, which the first bit tells. */
function readNumber(bytes: Buffer, start: number, length: number): number {
  const first = bytes[start] ?? 0;
  if (first < 0x80) return Number.parseInt(readText(bytes, start, length).trim() || '0', 8);
  let value = first & 0x7f;
  for (const byte of bytes.subarray(start + 1, start + length)) value = value * 256 + byte;
  return value;
}

function checkSum(header: Buffer): void {
  let sum = 8 * 32;
  for (const [at, byte] of header.entries()) if (at < 148 || at >= 156) sum += byte;
  if (sum !== readNumber(header, 148, 8)) throw noTar();
}

function noTar(): Fault {
  return new Fault('Invalid', 'A layer of the image is no tar archive. Build the image anew.');
}

/** Gives the bytes of a stream in the sizes asked for. */
class BlockReader {
  readonly #source: AsyncIterator<Buffer>;
  #chunk: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Buffer>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** Undefined at the end. */
  async take(size: number): Promise<Buffer | undefined> {
    while (this.#chunk.length < size) {
      const next = await this.#source.next();
      if (next.done === true) {
        if (this.#chunk.length > 0) throw noTar();
        return undefined;
      }
      this.#chunk = this.#chunk.length === 0 ? next.value : Buffer.concat([this.#chunk, next.value]);
    }
    const taken = this.#chunk.subarray(0, size);
    this.#chunk = this.#chunk.subarray(size);
    return taken;
  }

  async takeAll(size: number, most: number): Promise<Buffer> {
    const taken = size <= most ? await this.take(size) : undefined;
    if (!taken) throw noTar();
    return taken;
  }

  async *stream(size: number): AsyncGenerator<Buffer> {
    for (let left = size; left > 0;) {
      if (this.#chunk.length === 0) {
        const next = await this.#source.next();
        if (next.done === true) throw noTar();
        this.#chunk = next.value;
      }
      const part = this.#chunk.subarray(0, left);
      this.#chunk = this.#chunk.subarray(part.length);
      left -= part.length;
      if (part.length > 0) yield part;
    }
  }

  /** Lets go of the source, which may not have been read to its end. */
  async end(): Promise<void> {
    await this.#source.return?.();
  }

  async *rest(): AsyncGenerator<Buffer> {
    if (this.#chunk.length > 0) yield this.#chunk;
    for (let next = await this.#source.next(); next.done !== true; next = await this.#source.next()) yield next.value;
  }
}
