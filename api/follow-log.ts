import type { Clock } from '../controller/clock.ts';
import type { LogStore } from '../controller/logs.ts';
import { sleep } from '../controller/sleep.ts';
import { inLots, type LogSource, type MergedLog, type NamedLine } from './log-streams.ts';

/** How often it is asked for new guests, and the longest wait for new lines. */
const LOOK_MS = 2_000;

interface Following {
  /** As they are now: guests come and go. */
  sources(): Promise<LogSource[]>;
  write(line: NamedLine): string;
  merged: MergedLog;
  logs: LogStore;
  clock: Clock;
  /** Ends it. */
  signal: AbortSignal;
  /** What is said when nothing was for so long: whoever waits sees that the line still holds. */
  heartbeat?: { everyMs: number; text: string } | undefined;
  /** Whether there is nothing more to come once all was read; without it there always may be. */
  isOver?: (() => Promise<boolean>) | undefined;
}

/** What is there of some logs, and then what comes, as text. */
export async function* followLog(following: Following): AsyncGenerator<string> {
  const { sources: look, write, merged, logs, clock, signal, heartbeat, isOver } = following;
  let sources = await look();
  let lookedAt = clock.monotonicMs();
  yield* inLots(merged.backlog(sources), write);
  let saidAt = clock.monotonicMs();
  while (!signal.aborted) {
    // Asked before the reading: what came until then is still read.
    const over = await isOver?.();
    if (clock.monotonicMs() - lookedAt >= LOOK_MS) {
      sources = await look();
      lookedAt = clock.monotonicMs();
    }
    // Listened for before the reading, so that what comes right after it is not slept through.
    const enough = new AbortController();
    const changed = anyChanged(logs, sources, clock, AbortSignal.any([signal, enough.signal]));
    let grew = false;
    for await (const lot of inLots(merged.newer(sources), write)) {
      grew = true;
      yield lot;
    }
    if (over && !grew) {
      enough.abort();
      return;
    }
    if (grew) saidAt = clock.monotonicMs();
    else if (heartbeat && clock.monotonicMs() - saidAt >= heartbeat.everyMs) {
      yield heartbeat.text;
      saidAt = clock.monotonicMs();
    }
    if (!grew) await changed;
    enough.abort();
  }
}

async function anyChanged(
  logs: LogStore,
  sources: readonly LogSource[],
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  await Promise.race([
    sleep(clock, LOOK_MS, signal),
    ...sources.map(({ stream }) => logs.changed(stream, LOOK_MS, signal)),
  ]);
}
