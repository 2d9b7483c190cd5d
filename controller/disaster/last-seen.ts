import { randomBytes } from 'node:crypto';
import { open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

const LastSeen = z.object({
  /** The kind of store: versions of different kinds cannot be compared. */
  store: z.string(),
  version: z.string().regex(/^\d{1,20}$/),
  at: z.string(),
});
/** How far the store was when a process with this data folder looked at it last. */
export type LastSeen = z.output<typeof LastSeen>;

const FILE = 'last-seen.json';

/** Undefined when there is no file, or none that can be read: then nothing was seen. */
export async function readLastSeen(dataDir: string): Promise<LastSeen | undefined> {
  try {
    return LastSeen.safeParse(JSON.parse(await readFile(join(dataDir, FILE), 'utf8'))).data;
  } catch {
    return undefined;
  }
}

/** Replaces the file as a whole: a crash leaves this one or the one before. */
export async function writeLastSeen(dataDir: string, seen: LastSeen): Promise<void> {
  const draft = join(dataDir, `${FILE}.${randomBytes(6).toString('hex')}`);
  const file = await open(draft, 'wx', 0o600);
  try {
    await file.writeFile(`${JSON.stringify(seen)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(draft, join(dataDir, FILE));
}
