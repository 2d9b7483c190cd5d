import type { Identity } from '../access/identity.ts';
import { isRoot } from '../access/identity.ts';
import type { Cluster } from '../cluster/cluster.ts';
import type { TaskRecord } from '../tasks/task-registry.ts';

const recentPerNode = 25;

/** True for who started the task, with this very token, or owns the token that did. */
export function ownsTask({ parts }: TaskRecord, { id }: Identity): boolean {
  return parts.user === id || parts.user.startsWith(`${id}!`);
}

/** A user's id, with the token's name apart. */
export function splitUser(user: string): { user: string; tokenid?: string } {
  const [name = user, tokenid] = user.split('!');
  return tokenid === undefined ? { user: name } : { user: name, tokenid };
}

/** What /cluster/tasks shows. A token sees nothing of its own here, for owners are compared by their plain names. */
export function recentTasks(cluster: Cluster, identity: Identity): unknown[] {
  const seesAll = cluster.access.has(identity, '/', 'Sys.Audit') || isRoot(identity);
  const counts = new Map<string, number>();
  const rows: unknown[] = [];
  for (const task of [...cluster.tasks.all()].toReversed()) {
    const { parts, upid, end } = task;
    if (!seesAll && parts.user.split('!')[0] !== identity.id) continue;
    const count = (counts.get(parts.node) ?? 0) + 1;
    counts.set(parts.node, count);
    if (count > recentPerNode && end) continue;
    rows.push({
      upid,
      node: parts.node,
      type: parts.type,
      id: parts.id,
      starttime: parts.startTime,
      ...splitUser(parts.user),
      ...(end && { endtime: end.at, status: end.status, saved: '1' }),
    });
  }
  return rows;
}
