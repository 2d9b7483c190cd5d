import { randomBytes } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { once } from 'node:events';

/** An upload that came through: its fields in the order that counts, and the file, kept aside. */
export interface ReceivedUpload {
  fields: Record<string, string>;
  fileName: string;
  path: string;
}

const fieldOrder = ['content', 'checksum-algorithm', 'checksum'];
const silenceMs = 5000;

/**
 * Reads a multipart upload as strictly as Proxmox does: a length must be given, the fields come in one order (others are
 * lost) and the file comes last under the name `filename`. `hang`: Proxmox would log and never answer.
 */
export async function receiveUpload(
  request: IncomingMessage,
  folder: string,
): Promise<ReceivedUpload | 'failed' | 'hang'> {
  const boundary = /boundary="?([^";]+)"?/.exec(request.headers['content-type'] ?? '')?.[1];
  if (boundary === undefined || request.headers['content-length'] === undefined) return 'hang';
  request.socket.setTimeout(silenceMs, () => request.socket.destroy());
  try {
    return await new UploadReader(request, boundary, folder).read();
  } finally {
    request.socket.setTimeout(0);
  }
}

class UploadReader {
  readonly #chunks: AsyncIterator<Buffer>;
  readonly #boundary: string;
  readonly #folder: string;
  #held = Buffer.alloc(0);

  constructor(request: IncomingMessage, boundary: string, folder: string) {
    this.#chunks = request.iterator()[Symbol.asyncIterator]();
    this.#boundary = boundary;
    this.#folder = folder;
  }

  async read(): Promise<ReceivedUpload | 'failed'> {
    const fields: Record<string, string> = {};
    let expected = 0;
    if ((await this.#until(`--${this.#boundary}\r\n`)) === undefined) return 'failed';
    for (;;) {
      const head = await this.#until('\r\n\r\n');
      if (head === undefined) return 'failed';
      const [, name, fileName] =
        /^content-disposition: form-data; name="([^"]*)"(?:; filename="([^"]*)")?/i.exec(head.toString('utf8')) ?? [];
      if (fileName !== undefined) {
        if (name !== 'filename') return 'failed';
        const path = join(this.#folder, `pveupload-${randomBytes(16).toString('hex')}`);
        return (await this.#saveFile(path)) ? { fields, fileName, path } : 'failed';
      }
      const value = await this.#until(`\r\n--${this.#boundary}`);
      if (value === undefined) return 'failed';
      const position = fieldOrder.indexOf(name ?? '', expected);
      if (position >= 0) {
        fields[fieldOrder[position] ?? ''] = value.toString('utf8');
        expected = position + 1;
      }
      if ((await this.#until('\r\n')) === undefined) return 'failed';
    }
  }

  /** Everything up to the mark, which is taken too; undefined when the body ends before. */
  async #until(mark: string): Promise<Buffer | undefined> {
    for (;;) {
      const end = this.#held.indexOf(mark);
      if (end >= 0) {
        const taken = this.#held.subarray(0, end);
        this.#held = this.#held.subarray(end + mark.length);
        return taken;
      }
      if (!(await this.#more())) return undefined;
    }
  }

  /** False when the body ends before the file does; then nothing is kept. */
  async #saveFile(path: string): Promise<boolean> {
    const mark = Buffer.from(`\r\n--${this.#boundary}`);
    const file = createWriteStream(path);
    let complete = false;
    for (;;) {
      const end = this.#held.indexOf(mark);
      const sure = end >= 0 ? end : Math.max(0, this.#held.length - mark.length);
      if (sure > 0 && !file.write(this.#held.subarray(0, sure))) await once(file, 'drain');
      this.#held = this.#held.subarray(sure);
      complete = end >= 0;
      if (complete || !(await this.#more())) break;
    }
    file.end();
    await once(file, 'close');
    if (!complete) {
      await rm(path, { force: true });
      return false;
    }
    while (await this.#more()) this.#held = Buffer.alloc(0);
    return true;
  }

  async #more(): Promise<boolean> {
    const next = await this.#chunks.next();
    if (next.done) return false;
    this.#held = Buffer.concat([this.#held, next.value]);
    return true;
  }
}
