import { closeSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { writeFileWhole } from '../write-file-whole.ts';
import type { TaskEnd } from './task.ts';

const Entry = z.object({
  upid: z.string(),
  status: z.string().optional(),
  at: z.number().optional(),
  lines: z.array(z.string()).optional(),
});

/** A task as it is kept: one without an end died with the process that ran it. */
export interface KeptTask {
  upid: string;
  end: TaskEnd | undefined;
  lines: readonly string[];
}

/** Keeps one node's tasks in a journal: a line for each start, one with the log for each end. */
export class TaskStore {
  readonly #path: string;
  readonly #kept: number;
  #journal: number | undefined;
  #written = 0;

  /** `kept` is how many tasks are kept for later. */
  constructor(folder: string, kept: number) {
    this.#path = join(folder, 'tasks.jsonl');
    this.#kept = kept;
    mkdirSync(folder, { recursive: true });
  }

  /** What an earlier process kept, oldest first. */
  load(): KeptTask[] {
    const tasks = new Map<string, KeptTask>();
    for (const line of this.#readLines()) {
      const entry = parseEntry(line);
      if (!entry) continue; // the last line may be cut off by a crash
      const { upid, status, at, lines = [] } = entry;
      tasks.set(upid, { upid, end: status === undefined || at === undefined ? undefined : { status, at }, lines });
    }
    const kept = [...tasks.values()].slice(-this.#kept);
    this.#rewrite(kept);
    return kept;
  }

  started(upid: string): void {
    this.#append({ upid });
  }

  /** `all` tells what is to stay when the journal is written anew because it has grown too long. */
  ended(upid: string, end: TaskEnd, lines: readonly string[], all: () => KeptTask[]): void {
    this.#append({ upid, ...end, lines });
    if (this.#written > this.#kept * 8) this.#rewrite(all().slice(-this.#kept));
  }

  close(): void {
    if (this.#journal !== undefined) closeSync(this.#journal);
    this.#journal = undefined;
  }

  #append(entry: Record<string, unknown>): void {
    this.#journal ??= openSync(this.#path, 'a');
    writeSync(this.#journal, `${JSON.stringify(entry)}\n`);
    this.#written += 1;
  }

  #rewrite(tasks: readonly KeptTask[]): void {
    this.close();
    writeFileWhole(
      this.#path,
      tasks.map(({ upid, end, lines }) => `${JSON.stringify(end ? { upid, ...end, lines } : { upid })}\n`).join(''),
    );
    this.#written = tasks.length;
  }

  #readLines(): string[] {
    try {
      return readFileSync(this.#path, 'utf8').split('\n');
    } catch {
      return [];
    }
  }
}

function parseEntry(line: string): z.infer<typeof Entry> | undefined {
  try {
    return Entry.parse(JSON.parse(line));
  } catch {
    return undefined;
  }
}
