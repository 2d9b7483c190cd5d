import type { LogLine, LogStore } from '../../controller/logs.ts';
import type { Clock } from '../../controller/clock.ts';

const FLUSH_MS = 250;
/** Beyond this the log of one build is cut; the end of a build that fails is what people need. */
const MAX_LINES = 50_000;

/** Writes the log of one build: lines are kept in order and stored in batches. */
export class BuildLog {
  readonly #store: LogStore;
  readonly #stream: string;
  readonly #clock: Clock;
  #position: Promise<number>;
  #pending: LogLine[] = [];
  #flushing: Promise<void> = Promise.resolve();
  #scheduled = false;
  #count = 0;

  constructor(store: LogStore, buildUid: string, clock: Clock) {
    this.#store = store;
    this.#stream = `build/${buildUid}`;
    this.#clock = clock;
    this.#position = store.resumeAt(this.#stream).then((position) => position ?? 0);
  }

  write(text: string, source: LogLine['source'] = 'stdout'): void {
    this.#count += 1;
    if (this.#count > MAX_LINES) return;
    const shown = this.#count === MAX_LINES ? 'The log is cut here: it has too many lines.' : text;
    for (const line of shown.split('\n'))
      this.#pending.push({ position: 0, time: this.#clock.now(), source, text: line });
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#clock.after(FLUSH_MS, () => {
      this.#scheduled = false;
      void this.flush();
    });
  }

  /** Stores what is pending. A log that cannot be stored is no reason for a build to fail. */
  flush(): Promise<void> {
    this.#flushing = this.#flushing.then(() => this.#append()).catch(() => undefined);
    return this.#flushing;
  }

  async #append(): Promise<void> {
    const batch = this.#pending;
    if (batch.length === 0) return;
    this.#pending = [];
    const start = await this.#position;
    const numbered = batch.map((line, index) => ({ ...line, position: start + index }));
    await this.#store.append(this.#stream, numbered, start + batch.length);
    this.#position = Promise.resolve(start + batch.length);
  }
}
