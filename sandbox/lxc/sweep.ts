import { existsSync, readdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CgroupLayout } from './cgroups.ts';
import type { InstanceNames } from './instance-names.ts';
import { killHard, readProcess } from './process-status.ts';
import { runCommand } from './run-command.ts';

const patienceMs = 5_000;

/**
 * Removes what is left of one guest on this machine: processes, network interfaces, control groups. Nothing to remove is
 * fine. Returns false when something stayed, which the kernel only does for processes that cannot be killed.
 */
export async function sweepGuest(layout: CgroupLayout, names: InstanceNames, vmid: number): Promise<boolean> {
  const folders = layout.roots.map((root) => join(root, names.guestCgroup(vmid)));
  const links = hostLinks(names).filter((link) => vmidOf(link) === vmid);
  await Promise.all(links.map((link) => runCommand('ip', ['link', 'delete', link])));
  for (let waitedMs = 0; ; waitedMs += 20) {
    const pids = new Set(folders.flatMap(processesBelow));
    for (const pid of pids) killHard(pid);
    folders.forEach(removeTree);
    if (!folders.some((folder) => existsSync(folder))) return true;
    if (waitedMs >= patienceMs) return false;
    await sleep(20);
  }
}

/** The guests of an instance of which anything is left, running or not. */
export function findGuests(layout: CgroupLayout, names: InstanceNames): number[] {
  const fromCgroups = layout.roots.flatMap((root) => subfolders(join(root, names.cgroup)).map(Number));
  const found = new Set([...fromCgroups, ...hostLinks(names).map(vmidOf)]);
  return [...found].filter((vmid) => Number.isInteger(vmid) && vmid > 0);
}

/** Removes the instance's own control groups once no guest is left in them. */
export function removeInstanceCgroups(layout: CgroupLayout, names: InstanceNames): void {
  for (const root of layout.roots) removeTree(join(root, names.cgroup));
}

function hostLinks({ linkPrefix }: InstanceNames): string[] {
  return readdirSync('/sys/class/net').filter(
    (link) => link.startsWith(linkPrefix) && /^[0-9a-z]{7}$/.test(link.slice(linkPrefix.length)),
  );
}

/** The last seven characters are six of the vmid and one of the interface's number: see instance-names.ts. */
function vmidOf(link: string): number {
  return Number.parseInt(link.slice(-7, -1), 36);
}

function processesBelow(folder: string): number[] {
  const own = readLines(join(folder, 'cgroup.procs')).map(Number);
  const living = own.filter((pid) => pid > 0 && readProcess(pid) !== undefined);
  return [...living, ...subfolders(folder).flatMap((name) => processesBelow(join(folder, name)))];
}

/** A control group can only be removed from the leaves up, and not while a process is in it. */
function removeTree(folder: string): void {
  for (const name of subfolders(folder)) removeTree(join(folder, name));
  try {
    rmdirSync(folder);
  } catch {
    // Not there, or still busy: the caller looks again.
  }
}

function subfolders(folder: string): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));
  } catch {
    return [];
  }
}

function readLines(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').split('\n');
  } catch {
    return [];
  }
}
