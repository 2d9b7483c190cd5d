import { existsSync, readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { DevEnvironment } from '../dev-environment.ts';

/** A process of a guest, as the machine under it sees it. */
export interface GuestProcess {
  pid: number;
  arguments: string[];
  /** Bytes of memory that are its own. */
  residentBytes: number;
}

/** Every process that shares the guest's own table of processes. */
export function guestProcesses(dev: DevEnvironment, vmid: string): GuestProcess[] {
  const monitor = readFileSync(join(dev.dataDir, 'sandbox', 'lxc', 'guests', vmid, 'pid'), 'utf8').trim();
  const all = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  const init = all.find((name) => parentOf(name) === monitor);
  if (init === undefined) throw new Error(`Guest ${vmid} has no first process.`);
  const table = readlinkSync(join('/proc', init, 'ns', 'pid'));
  return all
    .filter((name) => tableOf(name) === table)
    .map((name) => ({ pid: Number(name), arguments: argumentsOf(name), residentBytes: residentBytes(name) }));
}

function tableOf(pid: string): string | undefined {
  try {
    return readlinkSync(join('/proc', pid, 'ns', 'pid'));
  } catch {
    return undefined;
  }
}

function parentOf(pid: string): string | undefined {
  return /^PPid:\s+(\d+)$/m.exec(read(join('/proc', pid, 'status')))?.[1];
}

function argumentsOf(pid: string): string[] {
  return read(join('/proc', pid, 'cmdline'))
    .split('\0')
    .filter(Boolean);
}

function residentBytes(pid: string): number {
  return Number(/^RssAnon:\s+(\d+) kB$/m.exec(read(join('/proc', pid, 'status')))?.[1] ?? 0) * 1024;
}

function read(file: string): string {
  try {
    return existsSync(file) ? readFileSync(file, 'utf8') : '';
  } catch {
    return '';
  }
}
