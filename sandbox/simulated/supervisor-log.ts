import { appendFileSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';

interface Segment {
  start: number;
  size: number;
}

const segmentsKept = 8;

/** The log of one guest's supervisor: an endless sequence of frames, kept in segments that are named by their offset. */
export class SupervisorLog {
  readonly #folder: string;
  readonly #segmentBytes: number;
  readonly #segments: Segment[] = [];
  readonly #listeners = new Set<() => void>();
  #lastTime = 0n;

  constructor(folder: string, limitBytes: number) {
    this.#folder = folder;
    this.#segmentBytes = Math.max(1, Math.floor(limitBytes / segmentsKept));
    mkdirSync(folder, { recursive: true });
    for (const name of readdirSync(folder).sort()) {
      if (/^\d{20}$/.test(name)) this.#segments.push({ start: Number(name), size: statSync(join(folder, name)).size });
    }
  }

  /** Offset of the oldest byte kept. */
  get start(): number {
    return this.#segments[0]?.start ?? 0;
  }

  /** Offset of the next byte to be written. */
  get end(): number {
    const last = this.#segments.at(-1);
    return last ? last.start + last.size : 0;
  }

  /** Writes one frame: a line of the process, or an event of the supervisor (`s`). */
  write(stream: 'o' | 'e' | 's', text: string): void {
    const data = Buffer.from(text, 'utf8');
    const frame = Buffer.concat([Buffer.from(`${stream} ${this.#time()} ${data.length}\n`), data, Buffer.from('\n')]);
    let segment = this.#segments.at(-1);
    if (!segment || segment.size + frame.length > this.#segmentBytes) {
      segment = { start: this.end, size: 0 };
      this.#segments.push(segment);
    }
    appendFileSync(this.#pathOf(segment), frame);
    segment.size += frame.length;
    while (this.#segments.length > segmentsKept) this.#dropOldest();
    for (const listener of this.#listeners) listener();
  }

  /** Bytes from an offset to the end of its segment; empty at the end of the log. They end where a frame ends. */
  read(offset: number): Buffer {
    const segment = this.#segments.findLast(({ start }) => start <= offset);
    if (!segment) return Buffer.alloc(0);
    return readFileSync(this.#pathOf(segment)).subarray(offset - segment.start);
  }

  /** Calls the listener after each frame; returns the way to end that. */
  follow(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  #dropOldest(): void {
    const oldest = this.#segments.shift();
    if (oldest) rmSync(this.#pathOf(oldest), { force: true });
  }

  #pathOf({ start }: Segment): string {
    return join(this.#folder, String(start).padStart(20, '0'));
  }

  /** Unix time in nanoseconds, 19 digits, never the same twice. */
  #time(): bigint {
    const now = BigInt(Date.now()) * 1_000_000n;
    this.#lastTime = now > this.#lastTime ? now : this.#lastTime + 1n;
    return this.#lastTime;
  }
}
