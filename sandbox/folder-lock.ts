import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAlive, readProcess } from './lxc/process-status.ts';

const PATIENCE_MS = 60_000;

/**
 * Takes a folder for this process; the answer gives it back. A sandbox that is just ending is waited for: it still stops what
 * this one would take over. Throws, naming the process, when it does not end.
 */
export async function takeFolder(folder: string, onWait: (pid: number) => void): Promise<() => void> {
  const file = join(folder, 'sandbox.pid');
  const deadline = Date.now() + PATIENCE_MS;
  for (let told = false; ; told = true) {
    const holder = holderOf(file);
    if (holder === undefined) break;
    if (Date.now() > deadline)
      throw new Error(
        `The folder ${folder} is in use by another sandbox (process ${holder}). Stop it, or use another folder.`,
      );
    if (!told) onWait(holder);
    await sleep(100);
  }
  writeFileSync(file, `${process.pid} ${readProcess(process.pid)?.startTicks ?? 0}\n`, { mode: 0o600 });
  return () => rmSync(file, { force: true });
}

function holderOf(file: string): number | undefined {
  const [pid = '', startTicks = ''] = readText(file).trim().split(' ');
  const number = Number(pid);
  if (!Number.isInteger(number) || number <= 0 || number === process.pid) return undefined;
  return isAlive(number, Number(startTicks)) ? number : undefined;
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
