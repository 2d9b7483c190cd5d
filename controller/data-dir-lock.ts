import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Fault } from './errors.ts';

/** A data folder that belongs to this process until `release`. */
export interface DataDirLock {
  release(): void;
}

/**
 * Takes a data folder for this process. Invalid, naming the other process, when one that lives has it; what a process left that
 * was killed is taken over. Told apart by process id and start time, for ids are used again.
 */
export function lockDataDir(dataDir: string): DataDirLock {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const file = join(dataDir, 'controller.pid');
  const mine = `${process.pid} ${startTimeOf(process.pid) ?? ''}\n`;
  for (;;) {
    try {
      writeFileSync(file, mine, { flag: 'wx', mode: 0o600 });
      return { release: () => rmSync(file, { force: true }) };
    } catch (cause) {
      const holder = holderIn(file);
      if (holder !== undefined) {
        throw new Fault(
          'Invalid',
          `The data folder ${dataDir} is in use by process ${holder}. Stop it, or set CONTAINR_DATA_DIR to another folder.`,
          { cause },
        );
      }
      rmSync(file, { force: true });
    }
  }
}

/** The process that has the folder, if it still lives. */
function holderIn(file: string): number | undefined {
  const [pid = '', startTime = ''] = readText(file).trim().split(' ');
  const number = Number(pid);
  if (!Number.isInteger(number) || number <= 0 || !isAlive(number)) return undefined;
  return startTimeOf(number) === (startTime === '' ? undefined : startTime) ? number : undefined;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Field 22 of /proc/PID/stat; undefined where there is no /proc. */
function startTimeOf(pid: number): string | undefined {
  const stat = readText(`/proc/${pid}/stat`);
  return stat === '' ? undefined : stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
