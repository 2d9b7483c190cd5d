import type { Logger } from 'pino';
import type { Clock } from './clock.ts';
import { isFault } from './errors.ts';
import { sleep } from './sleep.ts';

/** Something the leader does now and then. */
export interface PeriodicTask {
  /** For the log, as the end of "could not": "compact the history". */
  readonly name: string;
  /** Pause between the end of one run and the beginning of the next. */
  readonly everyMs: number;
  run(signal: AbortSignal): Promise<void>;
}

/** Runs a task at once and then every so often until `signal` aborts. A run that fails is logged and comes again. */
export async function runPeriodically(
  task: PeriodicTask,
  { clock, log, signal }: { clock: Clock; log: Logger; signal: AbortSignal },
): Promise<void> {
  while (!signal.aborted) {
    try {
      await task.run(signal);
    } catch (error) {
      const isOver = signal.aborted || isFault(error, 'Fenced');
      if (!isOver) log.warn({ err: error, everyMs: task.everyMs }, `Could not ${task.name}; it is tried again.`);
    }
    await sleep(clock, task.everyMs, signal);
  }
}
