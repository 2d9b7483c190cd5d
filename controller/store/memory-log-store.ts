import { systemClock, type Clock } from '../clock.ts';
import type { LogLine, LogQuery, LogStore } from '../logs.ts';
import { StreamWaiters } from './stream-waiters.ts';
import { plainText } from './plain-text.ts';

interface Stream {
  /** In order of position. */
  lines: LogLine[];
  resumeAt: number;
}

/** The contract of `LogStore` in this process' memory, for tests. */
export function createMemoryLogStore({ clock = systemClock }: { clock?: Clock } = {}): LogStore {
  const streams = new Map<string, Stream>();
  const waiters = new StreamWaiters(clock);

  return {
    async append(name, lines, resumeAt) {
      const { lines: before } = streams.get(name) ?? { lines: [] };
      const byPosition = new Map(before.map((line) => [line.position, line]));
      for (const line of lines) {
        if (!byPosition.has(line.position)) byPosition.set(line.position, { ...line, text: plainText(line.text) });
      }
      streams.set(name, { lines: [...byPosition.values()].sort((a, b) => a.position - b.position), resumeAt });
      waiters.wake([name]);
    },

    async resumeAt(name) {
      return streams.get(name)?.resumeAt;
    },

    async read(name, query) {
      return select(streams.get(name)?.lines ?? [], query);
    },

    changed: (name, maxMs, signal) => waiters.wait(name, maxMs, signal),

    async remove(name) {
      streams.delete(name);
    },

    async trim(maxBytesPerStream) {
      for (const stream of streams.values()) {
        let bytes = 0;
        stream.lines = stream.lines
          .toReversed()
          .filter(({ text }) => (bytes += Buffer.byteLength(text)) <= maxBytesPerStream)
          .toReversed();
      }
    },
  };
}

function select(lines: readonly LogLine[], { after, tail, since, limit }: LogQuery): LogLine[] {
  const wanted = lines.filter(
    ({ position, time }) => (after === undefined || position > after) && (since === undefined || time >= since),
  );
  const newest = tail === undefined ? wanted : wanted.slice(Math.max(0, wanted.length - tail));
  return newest.slice(0, limit).map((line) => ({ ...line }));
}
