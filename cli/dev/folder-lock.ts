import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CliError } from '../exit.ts';

/**
 * Takes a folder for this process; the answer gives it back. Conflict, naming the process, when another that lives has it;
 * what a process left that was killed is taken over.
 */
export function takeFolder(folder: string): () => void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const file = join(folder, 'dev.pid');
  const mine = `${process.pid} ${lifeOf(process.pid)?.startTime ?? ''}\n`;
  for (;;) {
    try {
      writeFileSync(file, mine, { flag: 'wx', mode: 0o600 });
      return () => rmSync(file, { force: true });
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
      refuseHolder(folder);
      rmSync(file, { force: true });
    }
  }
}

/** Conflict, naming the process, when a folder is taken. */
export function refuseHolder(folder: string): void {
  const holder = folderHolder(folder);
  if (holder === undefined) return;
  throw new CliError(
    'conflict',
    `The folder ${folder} is in use by another "containr dev" (process ${holder}). Stop it with "containr dev stop --data-dir ${folder}", or use another --data-dir.`,
  );
}

/** The process that has a folder, if it lives and is the one that took it. */
export function folderHolder(folder: string): number | undefined {
  const [pid = '', startTime = ''] = readText(join(folder, 'dev.pid')).trim().split(' ');
  const number = Number(pid);
  if (!Number.isInteger(number) || number <= 0 || !isThere(number)) return undefined;
  const life = lifeOf(number);
  // Without /proc the id has to do.
  if (!life) return startTime === '' ? number : undefined;
  return life.startTime === startTime && !life.isZombie ? number : undefined;
}

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

/** Fields 3 and 22 of /proc/PID/stat: ids are used again, together with the start time they are not. */
function lifeOf(pid: number): { startTime: string; isZombie: boolean } | undefined {
  const stat = readText(`/proc/${pid}/stat`);
  if (stat === '') return undefined;
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { startTime: fields[19] ?? '', isZombie: fields[0] === 'Z' };
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
