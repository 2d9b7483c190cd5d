import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { z } from 'zod';
import { EngineError } from '../engine/engine.ts';
import type { RootfsArchive } from './unpack-rootfs.ts';

const Answer = z.union([
  z.object({ done: z.literal(true) }),
  z.object({ done: z.literal(false), refusal: z.string() }),
]);

/** Unpacks archives in threads, for that blocks. One thread is kept for the next archive: starting one takes longer than a small image. */
export class Unpacker {
  readonly #busy = new Set<Worker>();
  #idle: Worker | undefined;
  #closed = false;

  /**
   * Unpacks an archive's root file system into an empty folder. Throws EngineError when the archive cannot be unpacked;
   * the folder is then left half full for the caller to remove.
   */
  async unpack(archive: RootfsArchive, rootfs: string): Promise<void> {
    const worker = this.#idle ?? startWorker();
    this.#idle = undefined;
    this.#busy.add(worker);
    const answer = await ask(worker, { archive, rootfs }).finally(() => this.#busy.delete(worker));
    // Only a thread that answered can be asked again.
    if (this.#idle || this.#closed) void worker.terminate();
    else this.#idle = worker;
    const result = Answer.parse(answer);
    if (!result.done) throw new EngineError(result.refusal);
  }

  /** Ends the threads; archives being unpacked fail. */
  async close(): Promise<void> {
    this.#closed = true;
    const workers = [...this.#busy, ...(this.#idle ? [this.#idle] : [])];
    this.#idle = undefined;
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}

function startWorker(): Worker {
  // Sources run as .ts, releases as .js.
  const script = new URL(`./unpack-worker${extname(import.meta.url)}`, import.meta.url);
  // Flags of this process, such as --input-type, may not suit a thread.
  return new Worker(script, { execArgv: [] });
}

/** One question, one answer. The thread keeps the process alive only while it has something to do. */
function ask(worker: Worker, job: unknown): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const settle = (end: () => void): void => {
      worker.off('message', onMessage).off('error', onError).off('exit', onExit);
      worker.unref();
      end();
    };
    const onMessage = (answer: unknown): void => settle(() => resolve(answer));
    const onError = (error: unknown): void => settle(() => reject(error));
    const onExit = (): void =>
      settle(() => reject(new EngineError('the unpacking was given up because the sandbox stops')));
    worker.on('message', onMessage).on('error', onError).on('exit', onExit);
    worker.ref();
    worker.postMessage(job, []);
  });
}
