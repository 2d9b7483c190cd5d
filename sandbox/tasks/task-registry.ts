import { join } from 'node:path';
import { Task, type TaskEnd, type TaskMood, type TaskWork } from './task.ts';
import { TaskStore } from './task-store.ts';
import { formatUpid, parseUpid, type Upid } from './upid.ts';

/** What the API shows of one task. */
export interface TaskRecord {
  readonly upid: string;
  readonly parts: Upid;
  end: TaskEnd | undefined;
  /** Its log so far. */
  readonly lines: readonly string[];
}

export interface TaskRegistryOptions {
  dataDir: string;
  now: () => number;
  /** What a task of this kind does beyond its own work. */
  moodOf: (task: { node: string; type: string; id: string }) => TaskMood;
}

export interface NewTask {
  node: string;
  type: string;
  id: string;
  user: string;
  work: TaskWork;
}

const keptPerNode = 1000;
const closeWaitMs = 1000;

/** All nodes' tasks. */
export class TaskRegistry {
  readonly #options: TaskRegistryOptions;
  readonly #stores = new Map<string, TaskStore>();
  readonly #records = new Map<string, TaskRecord>();
  readonly #running = new Map<string, Task>();
  #nextPid = 1000 + Math.floor(Math.random() * 20_000);

  constructor(options: TaskRegistryOptions) {
    this.#options = options;
  }

  /** Reads what an earlier process left. Returns the ids of the tasks that died with it. */
  addNode(node: string): string[] {
    const store = new TaskStore(join(this.#options.dataDir, 'nodes', node), keptPerNode);
    this.#stores.set(node, store);
    const died: string[] = [];
    for (const { upid, end, lines } of store.load()) {
      const parts = parseUpid(upid);
      if (!parts) continue;
      if (!end) died.push(upid);
      this.#records.set(upid, { upid, parts, end: end ?? { status: 'unexpected status', at: parts.startTime }, lines });
      this.#nextPid = Math.max(this.#nextPid, parts.pid + 1);
    }
    return died;
  }

  /** Starts a task and returns its id at once. */
  start({ node, type, id, user, work }: NewTask): string {
    const store = this.#stores.get(node);
    if (!store) throw new Error(`a task on ${node}, which is no node of this cluster`);
    const parts: Upid = {
      node,
      pid: this.#nextPid++,
      processStart: Math.floor(process.uptime() * 100),
      startTime: this.#now(),
      type,
      id,
      user,
    };
    const upid = formatUpid(parts);
    const task = new Task(upid, parts, this.#options.moodOf({ node, type, id }), () => this.#now());
    const record: TaskRecord = { upid, parts, end: undefined, lines: task.lines };
    this.#records.set(upid, record);
    this.#running.set(upid, task);
    store.started(upid);
    void this.#follow(task, record, store);
    setImmediate(() => void task.run(work));
    return upid;
  }

  get(upid: string): TaskRecord | undefined {
    return this.#records.get(upid);
  }

  /** Newest start last. */
  all(): Iterable<TaskRecord> {
    return this.#records.values();
  }

  running(): Iterable<Task> {
    return this.#running.values();
  }

  /** Stops a task as Proxmox does: asks it to end, and kills it after the wait. */
  async stop(upid: string, waitMs: number): Promise<void> {
    const task = this.#running.get(upid);
    if (!task) return;
    task.interrupt();
    const late = setTimeout(() => task.kill(), waitMs);
    await task.done;
    clearTimeout(late);
  }

  /** Kills a task at once, as a crash of its process would. False when it does not run. */
  kill(upid: string): boolean {
    const task = this.#running.get(upid);
    task?.kill();
    return task !== undefined;
  }

  /** Resolves when nothing runs any more. */
  async settle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all([...this.#running.values()].map(({ done }) => done));
  }

  /** Stops what runs, as a node does that shuts down. */
  async close(): Promise<void> {
    await Promise.all([...this.#running.keys()].map((upid) => this.stop(upid, closeWaitMs)));
    for (const store of this.#stores.values()) store.close();
  }

  #now(): number {
    return Math.floor(this.#options.now() / 1000);
  }

  async #follow(task: Task, record: TaskRecord, store: TaskStore): Promise<void> {
    await task.done;
    record.end = task.end;
    this.#running.delete(task.upid);
    const { node } = task.parts;
    const here = (): TaskRecord[] => [...this.#records.values()].filter(({ parts }) => parts.node === node);
    if (task.end) store.ended(task.upid, task.end, task.lines, here);
    this.#forgetOldest();
  }

  #forgetOldest(): void {
    const kept = keptPerNode * this.#stores.size;
    if (this.#records.size <= kept * 1.2) return;
    for (const [upid, { end }] of this.#records) {
      if (this.#records.size <= kept) return;
      if (end) this.#records.delete(upid);
    }
  }
}
