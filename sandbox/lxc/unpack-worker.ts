import { parentPort } from 'node:worker_threads';
import { z } from 'zod';
import { EngineError } from '../engine/engine.ts';
import { unpackRootfs } from './unpack-rootfs.ts';

/** The thread behind Unpacker: does the jobs it is sent, one after the other, and answers how each ended. */

const Job = z.object({
  archive: z.object({ path: z.string(), format: z.enum(['oci', 'plain']) }),
  rootfs: z.string(),
});

parentPort?.on('message', (message: unknown) => {
  void run(message).then((answer) => parentPort?.postMessage(answer, []));
});

async function run(message: unknown): Promise<{ done: true } | { done: false; refusal: string }> {
  const { archive, rootfs } = Job.parse(message);
  try {
    await unpackRootfs(archive, rootfs);
    return { done: true };
  } catch (error) {
    const words = error instanceof Error ? error.message : String(error);
    // Only its words travel between threads, so what kind of error it was is settled here.
    return { done: false, refusal: error instanceof EngineError ? words : `cannot unpack ${archive.path}: ${words}` };
  }
}
