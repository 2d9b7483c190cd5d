import { describe, expect, it } from 'vitest';
import { Task } from '../tasks/task.ts';
import { GuestLocks } from './guest-locks.ts';

function task(): Task {
  const parts = { node: 'pve1', pid: 1, processStart: 1, startTime: 1, type: 'vzstart', id: '100', user: 'root@pam' };
  return new Task('UPID:x', parts, { extraMs: 0 }, () => 0);
}

describe('GuestLocks', () => {
  it('lets one in at a time, in order', async () => {
    const locks = new GuestLocks(1000);
    const order: string[] = [];
    const enter = (name: string): Promise<void> =>
      locks.hold(100, async () => {
        order.push(`${name} in`);
        await new Promise((resolve) => setTimeout(resolve, 5));
        order.push(`${name} out`);
      });
    await Promise.all([enter('a'), enter('b'), enter('c')]);
    expect(order).toEqual(['a in', 'a out', 'b in', 'b out', 'c in', 'c out']);
  });

  it('gives up after its time, and says so as Proxmox does', async () => {
    const locks = new GuestLocks(20);
    const first = locks.hold(100, () => new Promise((resolve) => setTimeout(resolve, 60)));
    await expect(locks.hold(100, () => undefined)).rejects.toThrow(
      "can't lock file '/run/lock/lxc/pve-config-100.lock' - got timeout",
    );
    await first;
    expect(await locks.hold(100, () => 'free again')).toBe('free again');
  });

  it('tells the log of a task that it waits', async () => {
    const locks = new GuestLocks(1000);
    const waiting = task();
    const first = locks.hold(100, () => new Promise((resolve) => setTimeout(resolve, 10)));
    await locks.hold(100, () => undefined, waiting);
    await first;
    expect(waiting.lines).toEqual(['trying to acquire lock...', ' OK']);
  });

  it('is free again when the task that holds it is killed', async () => {
    const locks = new GuestLocks(1000);
    const killed = task();
    void locks.hold(100, () => new Promise(() => undefined), killed);
    await Promise.resolve();
    killed.kill();
    expect(await locks.hold(100, () => 'entered')).toBe('entered');
  });

  it('does not let other guests wait', async () => {
    const locks = new GuestLocks(1000);
    void locks.hold(100, () => new Promise(() => undefined));
    expect(await locks.hold(101, () => 'entered')).toBe('entered');
  });
});
