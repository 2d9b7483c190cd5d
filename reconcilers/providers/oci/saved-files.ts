import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, readFile, stat } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { extract } from 'tar-stream';
import type { z } from 'zod';
import { Fault } from '../../../controller/errors.ts';

/** The members of a `docker save` archive, on the disk under names of our own. */
export interface SavedFiles {
  has(name: string): boolean;
  /** Throws Unavailable when the archive has no such member. */
  path(name: string): string;
  /** Reads a small JSON member; Invalid when it is not what it should be. */
  json<T>(name: string, schema: z.ZodType<T>): Promise<T>;
}

const maxJsonBytes = 16 * 1024 ** 2;
const maxMembers = 10_000;

/** Unpacks the archive into a folder. Nothing it says can name a file outside: its names become numbers. */
export async function unpackSavedFiles(save: Readable, folder: string, signal: AbortSignal): Promise<SavedFiles> {
  await mkdir(folder);
  const files = new Map<string, string>();
  const links = new Map<string, string>();
  const archive = extract();
  const members = (async () => {
    for await (const entry of archive) {
      const { type, linkname } = entry.header;
      const name = cleanName(entry.header.name);
      if (files.size + links.size > maxMembers) throw damaged('it has too many members');
      if (type === 'file' || type === 'contiguous-file') {
        const path = join(folder, String(files.size));
        await writeMember(name, Readable.from(entry), path, signal);
        files.set(name, path);
      } else {
        // A layer that occurs twice is stored once; the other place is a link to it.
        if (type === 'symlink') links.set(name, cleanName(posix.join(posix.dirname(name), linkname)));
        if (type === 'link') links.set(name, cleanName(linkname));
        entry.resume();
      }
    }
  })();
  await Promise.all([pipeline(save, archive, { signal }), members]).catch((error: unknown) => {
    signal.throwIfAborted();
    if (error instanceof Fault) throw error;
    throw damaged('it cannot be read to its end', error);
  });
  return savedFiles(files, links);
}

/** A blob is named by its content, and checked here so that nothing behind has to. */
async function writeMember(name: string, bytes: Readable, path: string, signal: AbortSignal): Promise<void> {
  const hash = createHash('sha256');
  const hashed = async function* (source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of source) {
      hash.update(chunk);
      yield chunk;
    }
  };
  await pipeline(bytes, hashed, createWriteStream(path), { signal });
  const promised = /^blobs\/sha256\/([0-9a-f]{64})$/.exec(name)?.[1];
  if (promised !== undefined && promised !== hash.digest('hex')) throw damaged(`${name} has other content`);
}

function savedFiles(files: ReadonlyMap<string, string>, links: ReadonlyMap<string, string>): SavedFiles {
  function find(name: string): string | undefined {
    return files.get(name) ?? files.get(links.get(name) ?? '');
  }
  function path(name: string): string {
    const found = find(name);
    if (found === undefined) throw damaged(`${name} is missing`);
    return found;
  }
  return {
    has: (name) => find(name) !== undefined,
    path,
    async json(name, schema) {
      const file = path(name);
      if ((await stat(file)).size > maxJsonBytes) throw new Fault('Invalid', `The image's ${name} is too large.`);
      const parsed = schema.safeParse(parseJson(await readFile(file, 'utf8')));
      if (!parsed.success) {
        throw new Fault('Invalid', `The image's ${name} cannot be read. Build it anew.`, { cause: parsed.error });
      }
      return parsed.data;
    },
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function cleanName(name: string): string {
  return posix.relative('/', posix.resolve('/', name));
}

function damaged(why: string, cause?: unknown): Fault {
  return new Fault('Unavailable', `The archive that Docker saved is damaged: ${why}. It is saved again.`, { cause });
}
