import type { LogLine, LogQuery, LogStore } from '../controller/logs.ts';

/** A log that is read: its place in the store, and the name that people know it by. */
export interface LogSource {
  stream: string;
  name: string;
}

/** A line with the name of where it comes from. */
export interface NamedLine extends LogLine {
  name: string;
}

export interface LogSelection {
  since?: Date | undefined;
  /** Nothing after this moment. */
  until?: Date | undefined;
  /** Only the newest so many, of all sources together. */
  tail?: number | undefined;
}

const PAGE = 1_000;

/** Reads several logs as one, in order of time, and remembers how far each was read. */
export class MergedLog {
  readonly #logs: LogStore;
  readonly #selection: LogSelection;
  readonly #positions = new Map<string, number>();

  constructor(logs: LogStore, selection: LogSelection) {
    this.#logs = logs;
    this.#selection = selection;
  }

  /** What is there now. */
  async *backlog(sources: readonly LogSource[]): AsyncGenerator<NamedLine> {
    const { tail } = this.#selection;
    if (tail === undefined) return yield* this.newer(sources);
    if (tail === 0) {
      for (const { stream } of sources) await this.#page({ stream, name: '' }, { tail: 1 });
      return;
    }
    const pages = await Promise.all(sources.map((source) => this.#page(source, { tail })));
    yield* pages.flat().toSorted(byTime).slice(-tail);
  }

  /** What came since the last reading. */
  async *newer(sources: readonly LogSource[]): AsyncGenerator<NamedLine> {
    const heads = await Promise.all(sources.map((source) => this.#head(source)));
    let waiting = heads.filter((head) => head !== undefined);
    while (waiting.length > 0) {
      const first = waiting.reduce((earliest, head) => (byTime(head.line, earliest.line) < 0 ? head : earliest));
      yield first.line;
      this.#positions.set(first.source.stream, first.line.position);
      const next = await first.lines.next();
      if (next.done) waiting = waiting.filter((head) => head !== first);
      else first.line = next.value;
    }
  }

  async #head(
    source: LogSource,
  ): Promise<{ source: LogSource; line: NamedLine; lines: AsyncGenerator<NamedLine> } | undefined> {
    const lines = this.#pages(source);
    const first = await lines.next();
    return first.done ? undefined : { source, line: first.value, lines };
  }

  async *#pages(source: LogSource): AsyncGenerator<NamedLine> {
    let after = this.#positions.get(source.stream);
    for (;;) {
      const page = await this.#logs.read(source.stream, { after, since: this.#selection.since, limit: PAGE });
      for (const line of page) {
        if (this.#isWanted(line)) yield { ...line, name: source.name };
      }
      after = page.at(-1)?.position;
      if (page.length < PAGE || after === undefined) return;
    }
  }

  async #page(source: LogSource, query: LogQuery): Promise<NamedLine[]> {
    const page = await this.#logs.read(source.stream, { ...query, since: this.#selection.since });
    const last = page.at(-1);
    if (last) this.#positions.set(source.stream, last.position);
    return page.filter((line) => this.#isWanted(line)).map((line) => ({ ...line, name: source.name }));
  }

  #isWanted({ time }: LogLine): boolean {
    return this.#selection.until === undefined || time <= this.#selection.until;
  }
}

/** Lines in lots, as large as they come at once: what arrives slowly is passed on line by line. */
export async function* inLots(lines: AsyncGenerator<NamedLine>): AsyncGenerator<NamedLine[]> {
  let lot: NamedLine[] = [];
  for await (const line of lines) {
    lot.push(line);
    if (lot.length < PAGE) continue;
    yield lot;
    lot = [];
  }
  if (lot.length > 0) yield lot;
}

/** Lines of one moment stay in the order in which they were read. */
function byTime(a: NamedLine, b: NamedLine): number {
  return a.time.getTime() - b.time.getTime();
}
