import type { Backup } from '../../crds/backup.ts';
import { findCondition } from '../../crds/condition.ts';
import type { Trouble } from '../shared/trouble.ts';

/**
 * Whose turn it is on the node of a backup; undefined when it is its own. One is taken at a time, the oldest that could be
 * first. `letIn` names the one that was let in last, which the cache may not show yet. Pure.
 */
export function awaitedTurn(
  backup: Backup,
  place: { cluster: string; node: string },
  all: readonly Backup[],
  letIn: string | undefined,
): Trouble | undefined {
  const { uid } = backup.metadata;
  const others = all.filter((one) => one.metadata.uid !== uid && isAt(one, place));
  const taking = others.find(({ metadata, status }) =>
    status.phase === 'Taking' ? true : metadata.uid === letIn && (status.phase ?? 'Pending') === 'Pending',
  );
  if (taking) return queued(taking, place, 'is being taken');
  const [older] = others
    .filter((one) => isInLine(one) && comesBefore(one, backup))
    .toSorted((a, b) => (comesBefore(a, b) ? -1 : 1));
  return older && queued(older, place, 'waits for longer');
}

/** It waits for nothing but its turn. */
function isInLine({ metadata, status }: Backup): boolean {
  const isOpen = status.phase === 'Pending' && metadata.deletionTimestamp === undefined;
  return isOpen && findCondition(status.conditions, 'Ready')?.reason === 'BackupQueued';
}

function isAt({ status }: Backup, { cluster, node }: { cluster: string; node: string }): boolean {
  return status.cluster === cluster && status.node === node;
}

function comesBefore(a: Backup, b: Backup): boolean {
  const [first, second] = [a, b].map(({ metadata }) => `${metadata.creationTimestamp} ${metadata.uid}`);
  return (first ?? '') < (second ?? '');
}

function queued({ metadata }: Backup, { node }: { node: string }, words: string): Trouble {
  const message = `Backup ${metadata.namespace}/${metadata.name} ${words} on node ${node}; one is taken at a time.`;
  return { reason: 'BackupQueued', message };
}
