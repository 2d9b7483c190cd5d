import { createHash } from 'node:crypto';
import { StorageFault, type StorageMeaning } from './fault.ts';
import type { BucketAccess, ObjectStorage, OpenBucket } from './object-storage.ts';

/** Buckets in memory, one for all who ask, which refuse what the test tells them to. */
export class FakeBucket {
  readonly objects = new Map<string, Buffer>();
  /** Uploads that were begun and neither made an object nor thrown away, by key. */
  readonly uploads: string[] = [];
  /** Whatever is asked for is refused so. */
  refusal: StorageMeaning | undefined;
  /** An upload waits for this before it takes the first byte. */
  gate: Promise<void> = Promise.resolve();
  accesses = 0;

  readonly open: OpenBucket = (access) => this.#storage(access);

  #storage({ endpoint, bucket }: BucketAccess): ObjectStorage {
    this.accesses += 1;
    const ask = (signal: AbortSignal): void => {
      signal.throwIfAborted();
      if (this.refusal !== undefined)
        throw new StorageFault(this.refusal, `Bucket ${bucket} at ${endpoint} says ${this.refusal}.`);
    };
    const etagOf = (content: Buffer): string => createHash('md5').update(content).digest('hex');
    const { objects, uploads } = this;

    return {
      urlOf: (key) => `${endpoint}/${bucket}/${key}`,
      put: async (key, content, _, signal) => {
        ask(signal);
        objects.set(key, content);
      },
      upload: async (key, source, { confirm }, signal) => {
        ask(signal);
        uploads.push(key);
        const chunks: Uint8Array[] = [];
        await this.gate;
        try {
          for await (const chunk of source) {
            ask(signal);
            chunks.push(chunk);
          }
          await confirm();
        } catch (error) {
          uploads.splice(uploads.indexOf(key), 1);
          throw error;
        }
        ask(signal);
        uploads.splice(uploads.indexOf(key), 1);
        const content = Buffer.concat(chunks);
        objects.set(key, content);
        return { sizeBytes: content.length, etag: etagOf(content) };
      },
      head: async (key, signal) => {
        ask(signal);
        const content = objects.get(key);
        return content && { sizeBytes: content.length, etag: etagOf(content) };
      },
      get: async (key, signal) => {
        ask(signal);
        const content = objects.get(key);
        if (!content) throw new StorageFault('absent', `There is no ${key}.`);
        return inOne(content);
      },
      remove: async (key, signal) => {
        ask(signal);
        objects.delete(key);
      },
      abortUploads: async (key, signal) => {
        ask(signal);
        const left = uploads.filter((one) => one !== key);
        const count = uploads.length - left.length;
        uploads.splice(0, uploads.length, ...left);
        return count;
      },
      close: async () => undefined,
    };
  }
}

async function* inOne(content: Buffer): AsyncGenerator<Uint8Array> {
  yield content;
}
