import type { Clock } from '../../../controller/clock.ts';
import type { TaskState, Upid } from './client.ts';

/** How long Proxmox waits for a guest's file lock before it gives up. */
const LOCK_WAIT_MS = 10_000;

/** What a test has in store for the next task of a type. */
export interface TaskPlan {
  /** Ends with this text instead of OK. */
  exit?: string;
  /** With `exit`: what the task was for happens nevertheless. */
  effect?: boolean;
  /** Infinity: never ends by itself. */
  ms?: number;
  times?: number;
}

export interface TaskWork {
  node: string;
  type: string;
  id: string;
  ms: number;
  /** The guests whose file locks the task holds while it works. */
  locks?: readonly number[];
  /** Looks once more when the lock is held; a text refuses, and the task ends with it. */
  begin?: () => string | undefined;
  /** What the task is for; a text is the error it ends with. */
  effect: () => string | undefined;
  /** What it wrote into its log so far. */
  log?: readonly string[];
  /** Cleans up after an error, as Proxmox does; not after a kill. */
  undo?: () => void;
}

interface FakeTask {
  upid: Upid;
  work: TaskWork;
  exit: string | undefined;
  endsAtMs: number;
  cancel: () => void;
}

/** Tasks of the fake: they work and end by the clock, whether anybody asks after them or not. */
export class FakeTasks {
  readonly #clock: Clock;
  readonly #tasks = new Map<Upid, FakeTask>();
  readonly #plans = new Map<string, TaskPlan[]>();
  /** By vmid: when the file lock comes free. */
  readonly #lockedUntilMs = new Map<number, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  plan(type: string, plan: TaskPlan): void {
    const plans = this.#plans.get(type) ?? [];
    for (let n = 0; n < (plan.times ?? 1); n++) plans.push(plan);
    this.#plans.set(type, plans);
  }

  /** True while a task holds the guest's file lock. */
  holdsLock(vmid: number): boolean {
    return (this.#lockedUntilMs.get(vmid) ?? -Infinity) > this.#clock.monotonicMs();
  }

  spawn(work: TaskWork): Upid {
    const plan = this.#plans.get(work.type)?.shift();
    const task: FakeTask = { upid: this.#upid(work), work, exit: undefined, endsAtMs: 0, cancel: () => undefined };
    this.#tasks.set(task.upid, task);

    const waitMs = this.#waitForLock(work.locks);
    if (waitMs > LOCK_WAIT_MS) {
      const refusal = `can't lock file '/run/lock/lxc/pve-config-${work.locks?.[0]}.lock' - got timeout`;
      this.#after(task, LOCK_WAIT_MS, () => this.#end(task, refusal));
      return task.upid;
    }
    const workMs = plan?.ms ?? work.ms;
    task.endsAtMs = this.#clock.monotonicMs() + waitMs + workMs;
    for (const vmid of work.locks ?? []) this.#lockedUntilMs.set(vmid, this.#clock.monotonicMs() + waitMs + workMs);
    if (waitMs === 0) this.#begin(task, workMs, plan);
    else this.#after(task, waitMs, () => this.#begin(task, workMs, plan));
    return task.upid;
  }

  /** How long until the last of a node's running tasks of a type ends. */
  remainingMs(node: string, type: string): number {
    const ends = [...this.#tasks.values()].filter(
      ({ exit, work }) => exit === undefined && work.node === node && work.type === type,
    );
    return Math.max(0, ...ends.map(({ endsAtMs }) => endsAtMs - this.#clock.monotonicMs()));
  }

  state(upid: Upid): TaskState {
    const task = this.#tasks.get(upid);
    if (!task) return { status: 'unknown' };
    if (task.exit === undefined) return { status: 'running' };
    return { status: 'ended', ok: task.exit === 'OK' || task.exit.startsWith('WARNINGS'), exit: task.exit };
  }

  log(upid: Upid, lines: number): string[] {
    const task = this.#tasks.get(upid);
    if (!task) return ['unable to open file - No such file or directory'];
    if (task.exit === undefined) return ['no content'];
    const last = task.exit === 'OK' ? 'TASK OK' : `TASK ERROR: ${task.exit}`;
    return [...(task.work.log ?? []), last].slice(-lines);
  }

  /** With this id, or all of the node. */
  running(node: string, id: string | undefined): { upid: Upid; type: string }[] {
    return [...this.#tasks.values()]
      .filter(({ exit, work }) => exit === undefined && work.node === node && (id ?? work.id) === work.id)
      .map(({ upid, work }) => ({ upid, type: work.type }));
  }

  /** Ends running tasks at once. `hard` leaves everything as it is, locks included; otherwise the task cleans up. */
  kill(of: (work: TaskWork) => boolean, how: 'hard' | 'interrupt'): void {
    for (const task of this.#tasks.values()) {
      if (task.exit !== undefined || !of(task.work)) continue;
      task.cancel();
      if (how === 'interrupt') task.work.undo?.();
      this.#finish(task, how === 'hard' ? 'unexpected status' : 'received interrupt');
    }
  }

  #begin(task: FakeTask, workMs: number, plan: TaskPlan | undefined): void {
    const refusal = task.work.begin?.();
    if (refusal !== undefined) return this.#end(task, refusal);
    if (workMs === Infinity) return;
    this.#after(task, workMs, () => {
      if (plan?.exit !== undefined && !plan.effect) return this.#end(task, plan.exit);
      const failure = task.work.effect();
      if (failure !== undefined) return this.#end(task, failure);
      this.#finish(task, plan?.exit ?? 'OK');
    });
  }

  #end(task: FakeTask, error: string): void {
    task.work.undo?.();
    this.#finish(task, error);
  }

  #finish(task: FakeTask, exit: string): void {
    task.exit = exit;
    for (const vmid of task.work.locks ?? []) if (!this.#isLocked(vmid)) this.#lockedUntilMs.delete(vmid);
  }

  #after(task: FakeTask, ms: number, callback: () => void): void {
    task.cancel = this.#clock.after(ms, callback);
  }

  #waitForLock(vmids: readonly number[] = []): number {
    const untilMs = Math.max(0, ...vmids.map((vmid) => this.#lockedUntilMs.get(vmid) ?? 0));
    return Math.max(0, untilMs - this.#clock.monotonicMs());
  }

  #isLocked(vmid: number): boolean {
    return [...this.#tasks.values()].some(({ exit, work }) => exit === undefined && work.locks?.includes(vmid));
  }

  #upid({ node, type, id }: TaskWork): Upid {
    const hex = (value: number) => value.toString(16).toUpperCase().padStart(8, '0');
    const seconds = Math.floor(this.#clock.now().getTime() / 1000);
    const pid = 0x4000 + this.#tasks.size;
    return `UPID:${node}:${hex(pid)}:${hex(seconds % 0x7fffffff)}:${hex(seconds)}:${type}:${id}:containr@pve!main:`;
  }
}
