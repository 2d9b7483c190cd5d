import { readFileSync } from 'node:fs';

/** What is known of a living process. */
export interface ProcessStatus {
  /** Clock ticks after boot; with the pid it names one process for ever. */
  startTicks: number;
}

/** A living process, or undefined: one that ended and was not yet collected by its parent counts as gone. */
export function readProcess(pid: number): ProcessStatus | undefined {
  const stat = readProc(`/proc/${pid}/stat`);
  if (stat === undefined) return undefined;
  // The program's name is in brackets and may hold anything, brackets and spaces included.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  if (fields[0] === 'Z' || fields[0] === 'X') return undefined;
  return { startTicks: Number(fields[19]) };
}

/** Whether this very process still lives, and not another one that was given its pid. */
export function isAlive(pid: number, startTicks: number): boolean {
  return readProcess(pid)?.startTicks === startTicks;
}

/** The one child of an LXC monitor: the guest's process 1. */
export function firstChild(pid: number): number | undefined {
  const children = readProc(`/proc/${pid}/task/${pid}/children`)?.trim().split(' ') ?? [];
  return children.map(Number).find((child) => child > 0 && readProcess(child) !== undefined);
}

/** Arguments of a process, joined by single spaces; empty when it is gone. */
export function commandLine(pid: number): string {
  return (readProc(`/proc/${pid}/cmdline`) ?? '').replaceAll('\0', ' ').trim();
}

/** Kills a process at once; that it ended on its own meanwhile is fine. */
export function killHard(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // Nobody is there to be killed.
  }
}

function readProc(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined; // A process may end between any two looks at it.
  }
}
