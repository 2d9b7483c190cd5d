import {
  closeSync,
  copyFileSync,
  existsSync,
  fstatSync,
  openSync,
  readFileSync,
  readSync,
  statSync,
  truncateSync,
} from 'node:fs';

const LIMIT_BYTES = 20 * 2 ** 20;
const LOOK_MS = 500;
const MOST_READ = 1 << 20;
const WARNING = 40;

/**
 * The file that a child writes its log to, by itself, so that it can go on when we are gone. It is looked at now and then:
 * warnings are handed on, and a file that has grown large is put aside as FILE.1.
 */
export class ChildLog {
  readonly file: string;
  readonly #onWarning: (line: string) => void;
  readonly #timer: NodeJS.Timeout;
  #position: number;
  #rest = '';

  constructor(file: string, onWarning: (line: string) => void) {
    this.file = file;
    this.#onWarning = onWarning;
    this.#position = existsSync(file) ? statSync(file).size : 0;
    this.#timer = setInterval(() => this.look(), LOOK_MS);
    this.#timer.unref();
  }

  /** Reads what came since the last look. */
  look(limitBytes = LIMIT_BYTES): void {
    if (!existsSync(this.file)) return;
    const descriptor = openSync(this.file, 'r');
    try {
      const { size } = fstatSync(descriptor);
      if (size < this.#position) this.#position = 0;
      const chunk = Buffer.alloc(Math.min(size - this.#position, MOST_READ));
      this.#position += readSync(descriptor, chunk, 0, chunk.length, this.#position);
      this.#read(chunk.toString('utf8'));
      if (size <= limitBytes) return;
    } finally {
      closeSync(descriptor);
    }
    copyFileSync(this.file, `${this.file}.1`);
    // The child appends, so it goes on at the beginning.
    truncateSync(this.file, 0);
    this.#position = 0;
  }

  /** The newest lines, for who asks why it ended. */
  tail(count: number): string[] {
    return existsSync(this.file)
      ? readFileSync(this.file, 'utf8').trimEnd().split('\n').slice(-count).map(readable)
      : [];
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #read(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) {
      const entry = entryOf(line);
      if (entry && entry.level >= WARNING) this.#onWarning(entry.text);
    }
  }
}

function readable(line: string): string {
  return entryOf(line)?.text ?? line;
}

/** A line of a structured log; undefined for any other. */
function entryOf(line: string): { level: number; text: string } | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    const entry: unknown = JSON.parse(line);
    if (typeof entry !== 'object' || entry === null || !('level' in entry) || !('msg' in entry)) return undefined;
    const error = 'err' in entry ? messageOf(entry.err) : '';
    // What the controller asks of Caddy's admin API, and is refused, is the controller's to report.
    const level = 'logger' in entry && entry.logger === 'admin.api' ? 0 : levelOf(entry.level);
    return { level, text: [String(entry.msg), error].filter((part) => part !== '').join(' ') };
  } catch {
    return undefined;
  }
}

function messageOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'message' in error ? String(error.message) : '';
}

function levelOf(level: unknown): number {
  const names: Readonly<Record<string, number>> = { warn: 40, error: 50, fatal: 60 };
  return typeof level === 'number' ? level : (names[String(level)] ?? 0);
}
