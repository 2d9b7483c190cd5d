import type { LogLine, LogStore } from '../../controller/logs.ts';
import type { Clock } from '../../controller/clock.ts';

export interface BuildLogOptions {
  store: LogStore;
  buildUid: string;
  clock: Clock;
  /** Takes the values of Secrets out of a line. */
  redact: (text: string) => string;
  limits?: BuildLogLimits;
}

/** What is stored as it comes; after that only the newest lines are, when a stage has ended. */
export interface BuildLogLimits {
  lines: number;
  bytes: number;
  newest: number;
}

const FLUSH_MS = 250;
const usualLimits: BuildLogLimits = { lines: 20_000, bytes: 8 * 2 ** 20, newest: 1_000 };

/**
 * Writes the log of one build: lines are kept in order and stored in batches. Of a log without end the beginning and the
 * newest lines are kept, with a line between them that says how much is left out.
 */
export class BuildLog {
  readonly #options: BuildLogOptions;
  readonly #stream: string;
  readonly #limits: BuildLogLimits;
  #position: Promise<number>;
  #pending: LogLine[] = [];
  /** Past the limit: the newest lines, which are stored when the stage ends. */
  #newest: LogLine[] = [];
  #leftOut = 0;
  #flushing: Promise<void> = Promise.resolve();
  #scheduled = false;
  #lines = 0;
  #bytes = 0;

  constructor(options: BuildLogOptions) {
    this.#options = options;
    this.#stream = `build/${options.buildUid}`;
    this.#limits = options.limits ?? usualLimits;
    this.#position = options.store.resumeAt(this.#stream).then((position) => position ?? 0);
  }

  write(text: string, source: LogLine['source'] = 'stdout'): void {
    for (const line of this.#options.redact(text).split('\n')) this.#take({ ...this.#stamp(source), text: line });
  }

  /** Stores what is pending. A log that cannot be stored is no reason for a build to fail. */
  flush(): Promise<void> {
    this.#flushing = this.#flushing.then(() => this.#append()).catch(() => undefined);
    return this.#flushing;
  }

  /** A stage ended: stores also the newest of the lines past the limit. */
  async endStage(): Promise<void> {
    if (this.#leftOut > 0)
      this.#pending.push({ ...this.#stamp('system'), text: `… ${this.#leftOut} lines are left out here …` });
    this.#pending.push(...this.#newest);
    this.#newest = [];
    this.#leftOut = 0;
    await this.flush();
  }

  #take(line: LogLine): void {
    this.#lines += 1;
    this.#bytes += line.text.length;
    if (this.#lines <= this.#limits.lines && this.#bytes <= this.#limits.bytes) {
      this.#pending.push(line);
      return this.#flushSoon();
    }
    this.#newest.push(line);
    if (this.#newest.length <= this.#limits.newest) return;
    this.#newest.shift();
    if (this.#leftOut === 0) this.#tellOfLimit();
    this.#leftOut += 1;
  }

  /** Whoever follows the log is not left to wonder. */
  #tellOfLimit(): void {
    const text = 'The log is long: from here on only its newest lines are kept. They follow when the stage has ended.';
    this.#pending.push({ ...this.#stamp('system'), text });
    this.#flushSoon();
  }

  #flushSoon(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#options.clock.after(FLUSH_MS, () => {
      this.#scheduled = false;
      void this.flush();
    });
  }

  #stamp(source: LogLine['source']): LogLine {
    return { position: 0, time: this.#options.clock.now(), source, text: '' };
  }

  async #append(): Promise<void> {
    const batch = this.#pending;
    if (batch.length === 0) return;
    this.#pending = [];
    const start = await this.#position;
    const numbered = batch.map((line, index) => ({ ...line, position: start + index }));
    await this.#options.store.append(this.#stream, numbered, start + batch.length);
    this.#position = Promise.resolve(start + batch.length);
  }
}
