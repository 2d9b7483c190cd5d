import type { LogLine, LogQuery, LogStore } from '../controller/logs.ts';

/** A log that is read: its place in the store, and the name that people know it by. */
export interface LogSource {
  stream: string;
  name: string;
}

/** A line with where it comes from. */
export interface NamedLine extends LogLine, LogSource {}

export interface LogSelection {
  since?: Date | undefined;
  /** Nothing after this moment. */
  until?: Date | undefined;
  /** Only the newest so many, of all sources together. */
  tail?: number | undefined;
  /** How far each stream was read by whoever reads on; they get what came since, all of it. */
  from?: ReadonlyMap<string, number> | undefined;
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
    for (const [stream, position] of selection.from ?? []) this.#positions.set(stream, position);
  }

  /** How far each stream was read: up to and with the line that was answered last. */
  get positions(): ReadonlyMap<string, number> {
    return this.#positions;
  }

  /** What is there now. */
  async *backlog(sources: readonly LogSource[]): AsyncGenerator<NamedLine> {
    const { tail, from } = this.#selection;
    if (tail === undefined || from !== undefined) return yield* this.newer(sources);
    const pages = await Promise.all(sources.map((source) => this.#page(source, { tail: Math.max(tail, 1) })));
    const lines = pages.flat().toSorted(byTime);
    const cut = Math.max(lines.length - tail, 0);
    // Who is cut off after any line can read on behind it, in each of the streams.
    for (const { stream, position } of lines.slice(cut).toReversed()) this.#positions.set(stream, position - 1);
    for (const line of lines.slice(cut)) {
      this.#positions.set(line.stream, line.position);
      yield line;
    }
  }

  /** What came since the last reading. */
  async *newer(sources: readonly LogSource[]): AsyncGenerator<NamedLine> {
    const heads = await Promise.all(sources.map((source) => this.#head(source)));
    let waiting = heads.filter((head) => head !== undefined);
    while (waiting.length > 0) {
      const first = waiting.reduce((earliest, head) => (byTime(head.line, earliest.line) < 0 ? head : earliest));
      this.#positions.set(first.line.stream, first.line.position);
      yield first.line;
      const next = await first.lines.next();
      if (next.done) waiting = waiting.filter((head) => head !== first);
      else first.line = next.value;
    }
  }

  async #head(source: LogSource): Promise<{ line: NamedLine; lines: AsyncGenerator<NamedLine> } | undefined> {
    const lines = this.#pages(source);
    const first = await lines.next();
    return first.done ? undefined : { line: first.value, lines };
  }

  async *#pages(source: LogSource): AsyncGenerator<NamedLine> {
    let after = this.#positions.get(source.stream);
    for (;;) {
      const page = await this.#logs.read(source.stream, { after, since: this.#selection.since, limit: PAGE });
      for (const line of page) {
        if (this.#isWanted(line)) yield { ...line, ...source };
      }
      after = page.at(-1)?.position;
      if (page.length < PAGE || after === undefined) return;
    }
  }

  async #page(source: LogSource, query: LogQuery): Promise<NamedLine[]> {
    const page = await this.#logs.read(source.stream, { ...query, since: this.#selection.since });
    const last = page.at(-1);
    if (last) this.#positions.set(source.stream, last.position);
    return page.filter((line) => this.#isWanted(line)).map((line) => ({ ...line, ...source }));
  }

  #isWanted({ time }: LogLine): boolean {
    return this.#selection.until === undefined || time <= this.#selection.until;
  }
}

/** Lines as text, in lots as large as they come at once: what arrives slowly is passed on line by line. */
export async function* inLots(
  lines: AsyncGenerator<NamedLine>,
  write: (line: NamedLine) => string,
): AsyncGenerator<string> {
  let lot: string[] = [];
  for await (const line of lines) {
    lot.push(write(line));
    if (lot.length < PAGE) continue;
    yield lot.join('');
    lot = [];
  }
  if (lot.length > 0) yield lot.join('');
}

/** Lines of one moment stay in the order in which they were read. */
function byTime(a: NamedLine, b: NamedLine): number {
  return a.time.getTime() - b.time.getTime();
}
