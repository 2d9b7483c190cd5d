import { createReadStream } from 'node:fs';
import { link, open, unlink } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import { Fault } from '../errors.ts';

/** What a file is encrypted for: whoever knows the passphrase, or has a private key of one of the recipients (`age1...`). */
export type Lock = { passphrase: string } | { recipients: readonly string[] };
/** What opens one: the passphrase, or private keys (`AGE-SECRET-KEY-1...`). */
export type Opener = { passphrase: string } | { identities: readonly string[] };

const MAGIC = 'age-encryption.org/v1\n';
/** Longer than any object can be. */
const LONGEST_LINE = 32 * 2 ** 20;

/**
 * Writes lines into a new file that only its owner reads, compressed and encrypted by age, from one end to the other without
 * holding them. Conflict when there is a file already; after an error there is none.
 */
export async function writeSealed(path: string, lock: Lock, lines: AsyncIterable<string>): Promise<void> {
  const encrypter = await encrypterFor(lock);
  const draft = `${path}.${randomBytes(6).toString('hex')}.part`;
  const file = await open(draft, 'wx', 0o600);
  try {
    const plain = Readable.from(buffered(lines)).pipe(createGzip());
    const sealed = Readable.fromWeb(await encrypter.encrypt(bytesOf(plain)));
    await pipeline(sealed, file.createWriteStream({ flush: true }));
    await link(draft, path).catch((cause: unknown) => {
      throw new Fault('Conflict', `${path} exists already. Name another file, or move it away.`, { cause });
    });
  } finally {
    await file.close().catch(() => undefined);
    await unlink(draft);
  }
}

/** The lines of such a file. Invalid for one that is none, is cut off or was changed; Denied for what does not open it. */
export async function* readSealed(path: string, opener: Opener): AsyncGenerator<string> {
  const head = await headOf(path);
  if (head !== MAGIC)
    throw new Fault('Invalid', `${path} is no export of an installation, or its beginning is damaged.`);
  const decrypter = await decrypterFor(opener);
  const sealed = createReadStream(path);
  let opened: ReadableStream<Uint8Array>;
  try {
    opened = await decrypter.decrypt(bytesOf(sealed));
  } catch (cause) {
    sealed.destroy();
    const key = 'passphrase' in opener ? 'passphrase is not the one' : 'key is none of those';
    throw new Fault(
      'Denied',
      `${path} does not open: the ${key} that it was encrypted with, or its beginning is damaged.`,
      { cause },
    );
  }
  const gunzip = createGunzip();
  // The error comes out of the reading below.
  pipeline(Readable.fromWeb(opened), gunzip).catch((error: Error) => gunzip.destroy(error));
  try {
    yield* linesOf(gunzip, path);
  } catch (cause) {
    if (cause instanceof Fault) throw cause;
    throw damaged(path, cause);
  } finally {
    gunzip.destroy();
    sealed.destroy();
  }
}

/** What is said of a file that is not as it was written. */
export function damaged(path: string, cause?: unknown): Fault {
  const words = `${path} is damaged or cut off. Copy it again from where it was kept, or take another export.`;
  return new Fault('Invalid', words, { cause });
}

async function* linesOf(source: AsyncIterable<Buffer>, path: string): AsyncGenerator<string> {
  let rest = Buffer.alloc(0);
  for await (const chunk of source) {
    rest = Buffer.concat([rest, chunk]);
    for (let end = rest.indexOf(10); end !== -1; end = rest.indexOf(10)) {
      yield rest.toString('utf8', 0, end);
      rest = rest.subarray(end + 1);
    }
    if (rest.length > LONGEST_LINE) throw damaged(path);
  }
  if (rest.length > 0) throw damaged(path);
}

/** Lines by themselves are too small to be handed on one by one. */
async function* buffered(lines: AsyncIterable<string>): AsyncGenerator<Buffer> {
  let parts: string[] = [];
  let length = 0;
  for await (const line of lines) {
    parts.push(line, '\n');
    length += line.length;
    if (length < 65_536) continue;
    yield Buffer.from(parts.join(''));
    [parts, length] = [[], 0];
  }
  if (parts.length > 0) yield Buffer.from(parts.join(''));
}

/** As the age library takes them: pulled, so that nothing runs ahead of the disk. */
function bytesOf(source: AsyncIterable<Uint8Array>): ReadableStream<Uint8Array> {
  const chunks = source[Symbol.asyncIterator]();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const next = await chunks.next();
        if (next.done) controller.close();
        else controller.enqueue(new Uint8Array(next.value));
      },
      async cancel() {
        await chunks.return?.();
      },
    },
    { highWaterMark: 0 },
  );
}

async function headOf(path: string): Promise<string> {
  const file = await open(path, 'r').catch((cause: unknown) => {
    throw new Fault('NotFound', `${path} cannot be read.`, { cause });
  });
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(MAGIC.length), 0, MAGIC.length, 0);
    return buffer.toString('latin1', 0, bytesRead);
  } finally {
    await file.close();
  }
}

async function encrypterFor(lock: Lock) {
  const { Encrypter } = await import('age-encryption');
  const encrypter = new Encrypter();
  if ('passphrase' in lock) encrypter.setPassphrase(lock.passphrase);
  else
    for (const recipient of lock.recipients)
      orInvalid(`${recipient} is no age recipient (age1...).`, () => encrypter.addRecipient(recipient));
  return encrypter;
}

async function decrypterFor(opener: Opener) {
  const { Decrypter } = await import('age-encryption');
  const decrypter = new Decrypter();
  if ('passphrase' in opener) decrypter.addPassphrase(opener.passphrase);
  else
    for (const identity of opener.identities)
      orInvalid('The identity file holds no age private key (AGE-SECRET-KEY-1...).', () =>
        decrypter.addIdentity(identity),
      );
  return decrypter;
}

function orInvalid(words: string, attempt: () => void): void {
  try {
    attempt();
  } catch (cause) {
    throw new Fault('Invalid', words, { cause });
  }
}
