import { open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { Fault } from '../../errors.ts';
import { identify, isRunning } from './process-identity.ts';

const Owner = z.object({ pid: z.int(), startedAt: z.string().optional() });

/** Makes this process the only one that works in `folder`; the answer gives it up. Conflict while another runs there. */
export async function claimFolder(folder: string): Promise<() => Promise<void>> {
  const path = join(folder, 'owner.json');
  const me = await identify(process.pid);
  for (;;) {
    try {
      const file = await open(path, 'wx', 0o600);
      await file.writeFile(JSON.stringify(me ?? { pid: process.pid }));
      await file.close();
      return () => rm(path, { force: true });
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    }
    const owner = await readOwner(path);
    if (owner && (await isRunning({ pid: owner.pid, startedAt: owner.startedAt }))) {
      const hint = 'Stop it first, or give this one a data folder of its own.';
      throw new Fault('Conflict', `Process ${owner.pid} uses the database in ${folder} already. ${hint}`);
    }
    await rm(path, { force: true });
  }
}

/** Undefined for what a process left that died while it wrote. */
async function readOwner(path: string) {
  try {
    return Owner.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch {
    return undefined;
  }
}
