import { closeSync, existsSync, fstatSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

const Entry = z.object({ upid: z.string(), status: z.string().optional() });

interface Span {
  from: number;
  to: number;
}

/**
 * When the tasks of a sandbox ran, to about 2 ms: its API tells whole seconds, so the journals it keeps of its tasks are
 * read as they grow.
 */
export class TaskClock {
  readonly #spans = new Map<string, Span>();
  readonly #read = new Map<string, number>();
  readonly #timer: NodeJS.Timeout;

  constructor(dataDir: string, nodes: readonly string[]) {
    const journals = nodes.map((node) => join(dataDir, 'sandbox', 'pve', 'nodes', node, 'tasks.jsonl'));
    this.#timer = setInterval(() => {
      for (const journal of journals) this.#follow(journal);
    }, 2);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /** For how many ms of this time at least one task ran. */
  busyMs(from: number, to: number): number {
    const spans = [...this.#spans.values()]
      .map((span) => ({ from: Math.max(from, span.from), to: Math.min(to, span.to) }))
      .filter((span) => span.from < span.to)
      .toSorted((a, b) => a.from - b.from);
    let busy = 0;
    let seen = from;
    for (const span of spans) {
      busy += Math.max(0, span.to - Math.max(seen, span.from));
      seen = Math.max(seen, span.to);
    }
    return busy;
  }

  #follow(journal: string): void {
    if (!existsSync(journal)) return;
    const file = openSync(journal, 'r');
    try {
      const before = this.#read.get(journal) ?? 0;
      const { size } = fstatSync(file);
      // It is written anew, shorter, now and then: what it then holds was seen before.
      if (size <= before) return void this.#read.set(journal, size);
      const bytes = Buffer.alloc(size - before);
      readSync(file, bytes, 0, bytes.length, before);
      const whole = bytes.subarray(0, bytes.lastIndexOf('\n') + 1);
      this.#read.set(journal, before + whole.length);
      for (const line of whole.toString().split('\n').filter(Boolean)) this.#note(line);
    } finally {
      closeSync(file);
    }
  }

  #note(line: string): void {
    const { upid, status } = Entry.parse(JSON.parse(line));
    const now = performance.now();
    if (status === undefined) this.#spans.set(upid, { from: now, to: Infinity });
    else this.#spans.set(upid, { from: this.#spans.get(upid)?.from ?? now, to: now });
  }
}
