import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { z } from 'zod';
import { EngineError } from '../engine/engine.ts';
import type { RootfsArchive } from './unpack-rootfs.ts';

const Answer = z.union([
  z.object({ done: z.literal(true) }),
  z.object({ done: z.literal(false), refusal: z.string() }),
]);

/**
 * Unpacks an archive's root file system into an empty folder, in a thread of its own. Throws EngineError when the archive
 * cannot be unpacked; the folder is then left half full for the caller to remove.
 */
export async function unpackArchive(archive: RootfsArchive, rootfs: string): Promise<void> {
  // Sources run as .ts, releases as .js.
  const script = new URL(`./unpack-worker${extname(import.meta.url)}`, import.meta.url);
  const worker = new Worker(script, { workerData: { archive, rootfs } });
  const answer = await new Promise<unknown>((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', (code) =>
      reject(new Error(`the unpacking thread ended with code ${code} before its job was done`)),
    );
  });
  const result = Answer.parse(answer);
  if (!result.done) throw new EngineError(result.refusal);
}
