import { createHash } from 'node:crypto';

export interface TappedStream {
  stream: AsyncIterable<Uint8Array>;
  /** Size and digest of what has come by so far. */
  seen: () => { sizeBytes: number; sha256: string };
  hasFailed: () => boolean;
}

/** The same stream, which says what went through it. */
export function tapped(source: AsyncIterable<Uint8Array>): TappedStream {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  let failed = false;
  async function* handOn(): AsyncGenerator<Uint8Array> {
    try {
      for await (const chunk of source) {
        hash.update(chunk);
        sizeBytes += chunk.length;
        yield chunk;
      }
    } catch (error) {
      failed = true;
      throw error;
    }
  }
  return {
    stream: handOn(),
    seen: () => ({ sizeBytes, sha256: hash.copy().digest('hex') }),
    hasFailed: () => failed,
  };
}
