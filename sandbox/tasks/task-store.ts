import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { TaskEnd } from './task.ts';

const Entry = z.object({ upid: z.string(), status: z.string().optional(), at: z.number().optional() });

const keptTasks = 1000;

/** Keeps one node's tasks in a folder: a journal of starts and ends, and one file with each task's lines. */
export class TaskStore {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
    mkdirSync(folder, { recursive: true });
  }

  /** Task ids with their ends, oldest first. A task without an end died with the process that ran it. */
  load(): Map<string, TaskEnd | undefined> {
    const tasks = new Map<string, TaskEnd | undefined>();
    for (const line of this.#readJournal()) {
      const entry = parseEntry(line);
      if (!entry) continue; // the last line may be cut off by a crash
      const { upid, status, at } = entry;
      tasks.set(upid, status === undefined || at === undefined ? undefined : { status, at });
    }
    const kept = [...tasks].slice(-keptTasks);
    const journal = kept.map(([upid, end]) => `${JSON.stringify({ upid, ...end })}\n`);
    writeFileSync(this.#journalPath(), journal.join(''));
    return new Map(kept);
  }

  started(upid: string): void {
    appendFileSync(this.#journalPath(), `${JSON.stringify({ upid })}\n`);
  }

  ended(upid: string, end: TaskEnd, lines: readonly string[]): void {
    if (lines.length > 0) {
      mkdirSync(this.#shardOf(upid), { recursive: true });
      writeFileSync(this.#logPath(upid), `${lines.join('\n')}\n`);
    }
    appendFileSync(this.#journalPath(), `${JSON.stringify({ upid, ...end })}\n`);
  }

  /** Undefined when no log is there. */
  readLines(upid: string): string[] | undefined {
    try {
      return readFileSync(this.#logPath(upid), 'utf8').replace(/\n$/, '').split('\n');
    } catch {
      return undefined;
    }
  }

  #readJournal(): string[] {
    try {
      return readFileSync(this.#journalPath(), 'utf8').split('\n');
    } catch {
      return [];
    }
  }

  #journalPath(): string {
    return join(this.#folder, 'index.jsonl');
  }

  #logPath(upid: string): string {
    return join(this.#shardOf(upid), encodeURIComponent(upid));
  }

  #shardOf(upid: string): string {
    return join(this.#folder, upid.split(':')[2]?.slice(-2) ?? '00');
  }
}

function parseEntry(line: string): z.infer<typeof Entry> | undefined {
  try {
    return Entry.parse(JSON.parse(line));
  } catch {
    return undefined;
  }
}
