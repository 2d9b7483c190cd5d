import { Refusal } from '../refusal.ts';
import type { TaskContext } from '../tasks/task.ts';

/** The lock file of each guest's config: one holder at a time, the others wait and give up. */
export class GuestLocks {
  readonly #waitMs: number;
  readonly #queues = new Map<number, Array<() => void>>();

  constructor(waitMs: number) {
    this.#waitMs = waitMs;
  }

  /** Runs with the lock held. Refused when it does not come free in time. */
  async hold<T>(vmid: number, work: () => Promise<T> | T, task?: TaskContext): Promise<T> {
    const release = await this.#acquire(vmid, task);
    task?.whenKilled(release);
    try {
      return await work();
    } finally {
      release();
    }
  }

  isHeld(vmid: number): boolean {
    return this.#queues.has(vmid);
  }

  async #acquire(vmid: number, task: TaskContext | undefined): Promise<() => void> {
    const queue = this.#queues.get(vmid);
    let released = false;
    const release = (): void => {
      if (released) return;
      released = true;
      this.#handOn(vmid);
    };
    if (!queue) {
      this.#queues.set(vmid, []);
      return release;
    }
    task?.log('trying to acquire lock...');
    const turn = Promise.withResolvers<boolean>();
    const take = (): void => turn.resolve(true);
    queue.push(take);
    const late = setTimeout(() => turn.resolve(false), this.#waitMs);
    task?.signal.addEventListener('abort', () => turn.resolve(false), { once: true });
    const taken = await turn.promise;
    clearTimeout(late);
    if (!taken) {
      const position = queue.indexOf(take);
      if (position >= 0) queue.splice(position, 1);
      throw new Refusal(
        task?.signal.aborted
          ? 'received interrupt'
          : `can't lock file '/run/lock/lxc/pve-config-${vmid}.lock' - got timeout`,
      );
    }
    task?.log(' OK');
    return release;
  }

  #handOn(vmid: number): void {
    const next = this.#queues.get(vmid)?.shift();
    if (next) next();
    else this.#queues.delete(vmid);
  }
}
