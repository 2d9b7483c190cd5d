import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CgroupLayout } from './cgroups.ts';

const WAIT_MS = 5_000;

/** Holds every process of a control group where it is, or lets them go on. Answers when they stand still; false when they do not. */
export async function freezeCgroup({ roots }: CgroupLayout, cgroup: string, frozen: boolean): Promise<boolean> {
  for (const root of roots) {
    const folder = join(root, cgroup);
    const second = join(folder, 'cgroup.freeze');
    if (existsSync(second)) {
      await writeFile(second, frozen ? '1' : '0');
      return !frozen || within(async () => /^frozen 1$/m.test(await readFile(join(folder, 'cgroup.events'), 'utf8')));
    }
    const first = join(folder, 'freezer.state');
    if (existsSync(first)) {
      await writeFile(first, frozen ? 'FROZEN' : 'THAWED');
      return !frozen || within(async () => (await readFile(first, 'utf8')).trim() === 'FROZEN');
    }
  }
  return false;
}

async function within(isSo: () => Promise<boolean>): Promise<boolean> {
  const deadline = performance.now() + WAIT_MS;
  while (!(await isSo())) {
    if (performance.now() >= deadline) return false;
    await sleep(5);
  }
  return true;
}
