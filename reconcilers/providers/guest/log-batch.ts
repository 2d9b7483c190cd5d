import type { Logger } from 'pino';
import type { Clock } from '../../../controller/clock.ts';
import type { LogLine, LogStore } from '../../../controller/logs.ts';

interface LogBatchOptions {
  logStore: LogStore;
  stream: string;
  clock: Clock;
  log: Pick<Logger, 'warn'>;
  /** True when so much waits that no more should come, false when there is room again. */
  onFull: (full: boolean) => void;
}

/** Lines on their way into the log store. */
export interface LogBatch {
  add(line: LogLine): void;
  /** Tries once to store everything that waits. */
  end(): Promise<void>;
}

const waitMs = 100;
const batchLines = 1_000;
const batchBytes = 256 * 1024;
const fullBytes = 2 * 1024 * 1024;
const retryMs = [500, 1_000, 2_000, 5_000, 10_000];
const lineOverheadBytes = 100;

/** Stores lines in batches, with the position to resume from, in their order; keeps them while the store fails. */
export function createLogBatch({ logStore, stream, clock, log, onFull }: LogBatchOptions): LogBatch {
  let waiting: LogLine[] = [];
  let waitingBytes = 0;
  let full = false;
  let failures = 0;
  let cancelTimer: (() => void) | undefined;
  let storing: Promise<void> | undefined;
  let ended = false;

  function setFull(now: boolean): void {
    if (full === now) return;
    full = now;
    onFull(now);
  }

  function schedule(ms: number): void {
    if (cancelTimer || storing || ended || waiting.length === 0) return;
    cancelTimer = clock.after(ms, () => {
      cancelTimer = undefined;
      storing = store().finally(() => {
        storing = undefined;
        schedule(failures === 0 ? 0 : (retryMs[Math.min(failures, retryMs.length) - 1] ?? 0));
      });
    });
  }

  /** One batch. A batch that fails is tried again as it is. */
  async function store(): Promise<void> {
    const { count, bytes } = firstBatch(waiting);
    const batch = waiting.slice(0, count);
    const last = batch.at(-1);
    if (!last) return;
    try {
      await logStore.append(stream, batch, last.position);
      failures = 0;
      waiting = waiting.slice(count);
      waitingBytes -= bytes;
      if (waitingBytes < fullBytes / 2) setFull(false);
    } catch (err) {
      failures += 1;
      if (failures === 1) log.warn({ err, stream }, 'Log lines cannot be stored; they wait and are tried again.');
    }
  }

  return {
    add(line) {
      waiting.push(line);
      waitingBytes += bytesOf(line);
      if (waitingBytes >= fullBytes) setFull(true);
      if (failures === 0 && (waiting.length === batchLines || waitingBytes >= batchBytes)) {
        cancelTimer?.();
        cancelTimer = undefined;
        schedule(0);
      } else schedule(waitMs);
    },

    async end() {
      ended = true;
      cancelTimer?.();
      await storing;
      const failuresBefore = failures;
      while (waiting.length > 0 && failures === failuresBefore) await store();
    },
  };
}

function firstBatch(lines: readonly LogLine[]): { count: number; bytes: number } {
  let count = 0;
  let bytes = 0;
  for (const line of lines) {
    if (count === batchLines || (count > 0 && bytes >= batchBytes)) break;
    count += 1;
    bytes += bytesOf(line);
  }
  return { count, bytes };
}

function bytesOf(line: LogLine): number {
  return line.text.length + lineOverheadBytes;
}
