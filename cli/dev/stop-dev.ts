import { resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { CliError } from '../exit.ts';
import type { Say } from '../text.ts';
import { folderHolder } from './folder-lock.ts';

const STOP_MS = 90_000;

/** Ends the dev that has this folder, and waits until it has ended. NotFound when none has it. */
export async function stopDev(folder: string, say: Say): Promise<void> {
  const dataDir = resolve(folder);
  const holder = folderHolder(dataDir);
  if (holder === undefined) throw new CliError('notFound', `No "containr dev" runs with the folder ${dataDir}.`);
  process.kill(holder, 'SIGTERM');
  const deadline = Date.now() + STOP_MS;
  while (folderHolder(dataDir) === holder) {
    if (Date.now() > deadline)
      throw new CliError(
        'timeout',
        `Process ${holder} has not ended within ${STOP_MS / 1_000} s. Its logs: ${dataDir}/logs`,
      );
    await pause(100);
  }
  say(`Stopped (process ${holder}).`);
}
