import { parentPort, workerData } from 'node:worker_threads';
import { z } from 'zod';
import { EngineError } from '../engine/engine.ts';
import { unpackRootfs } from './unpack-rootfs.ts';

const Job = z.object({
  archive: z.object({ path: z.string(), format: z.enum(['oci', 'plain']) }),
  rootfs: z.string(),
});

/** The thread behind unpackArchive: does one job and posts how it ended. */
async function run(): Promise<void> {
  const { archive, rootfs } = Job.parse(workerData);
  try {
    await unpackRootfs(archive, rootfs);
    parentPort?.postMessage({ done: true }, []);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    // Only its words travel between threads, so what kind of error it was is settled here.
    const refusal = error instanceof EngineError ? message : `cannot unpack ${archive.path}: ${message}`;
    parentPort?.postMessage({ done: false, refusal }, []);
  }
}

await run();
