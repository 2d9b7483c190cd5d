import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CliError } from '../exit.ts';

/** Takes a folder for this process; says which process has it when it is taken. What a killed process left is taken over. */
export function takeFolder(folder: string): () => void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const file = join(folder, 'dev.pid');
  const holder = folderHolder(folder);
  if (holder !== undefined) {
    throw new CliError(
      'conflict',
      `The folder ${folder} is in use by another "containr dev" (process ${holder}). Stop it, or use --data-dir.`,
    );
  }
  writeFileSync(file, `${process.pid} ${startTimeOf(process.pid)}\n`, { mode: 0o600 });
  return () => rmSync(file, { force: true });
}

/** The process that has a folder, if it lives and is the one that took it. */
export function folderHolder(folder: string): number | undefined {
  const [pid = '', startTime = ''] = readText(join(folder, 'dev.pid')).trim().split(' ');
  const number = Number(pid);
  if (!Number.isInteger(number) || number <= 0) return undefined;
  try {
    process.kill(number, 0);
  } catch {
    return undefined;
  }
  return startTimeOf(number) === startTime ? number : undefined;
}

/** Field 22 of /proc/PID/stat: ids are used again, the pair is not. */
function startTimeOf(pid: number): string {
  const stat = readText(`/proc/${pid}/stat`);
  return stat === '' ? '' : (stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '');
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
