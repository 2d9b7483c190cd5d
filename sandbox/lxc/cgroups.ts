import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** How this machine's control groups are laid out: version 1, version 2, or some controllers in each. */
export interface CgroupLayout {
  /** Where each controller that the engine uses lives. */
  controllers: ReadonlyMap<string, CgroupController>;
  /** Every hierarchy, those without controllers too: LXC makes folders in all of them. */
  roots: readonly string[];
}

/** Where a controller lives, and which of the two interfaces it has there. */
export interface CgroupController {
  root: string;
  version: 1 | 2;
}

const wanted = new Set(['memory', 'cpu', 'cpuacct', 'cpuset']);

/** Reads the layout from a mount table in the format of /proc/self/mountinfo. */
export function detectCgroups(mountinfo = readFileSync('/proc/self/mountinfo', 'utf8')): CgroupLayout {
  const controllers = new Map<string, CgroupController>();
  const roots = new Set<string>();
  for (const { root, version, names } of mountinfo.split('\n').flatMap(parseMount)) {
    roots.add(root);
    for (const name of names) {
      if (wanted.has(name) && !controllers.has(name)) controllers.set(name, { root, version });
    }
  }
  return { controllers, roots: [...roots] };
}

function parseMount(line: string): Array<{ root: string; version: 1 | 2; names: string[] }> {
  const [before, after] = line.split(' - ');
  const root = before?.split(' ')[4];
  const [type, , options] = after?.split(' ') ?? [];
  if (root === undefined) return [];
  if (type === 'cgroup') return [{ root, version: 1, names: options?.split(',') ?? [] }];
  if (type !== 'cgroup2') return [];
  const list = join(root, 'cgroup.controllers');
  const names = existsSync(list) ? readFileSync(list, 'utf8').trim().split(' ') : [];
  return [{ root, version: 2, names }];
}
