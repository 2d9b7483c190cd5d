import { describe, expect, it } from 'vitest';
import { Backup } from '../../crds/backup.ts';
import { testCondition, testObject } from '../shared/testing.ts';
import { awaitedTurn } from './turn.ts';

const place = { cluster: 'home', node: 'pve1' };

function backup(name: string, at: string, phase?: string, reason?: 'BackupQueued' | 'StorageFull'): Backup {
  const conditions = reason ? [testCondition('Ready', 'False', reason)] : [];
  const spec = { source: { kind: 'Database', name } };
  const made = testObject(Backup, name, spec, { ...place, ...(phase !== undefined && { phase }), conditions });
  return { ...made, metadata: { ...made.metadata, creationTimestamp: `2026-01-01T${at}:00Z` } };
}

describe('awaitedTurn', () => {
  const mine = backup('mine', '10:00', 'Pending');

  it.each<[string, Backup[], string | undefined, RegExp | undefined]>([
    ['has its turn when nobody else wants one', [mine], undefined, undefined],
    [
      'waits for the one that is being taken',
      [mine, backup('busy', '11:00', 'Taking')],
      undefined,
      /shop\/busy is being/,
    ],
    [
      'waits for an older one that waits for its turn alone',
      [mine, backup('old', '09:00', 'Pending', 'BackupQueued')],
      undefined,
      /shop\/old waits/,
    ],
    [
      'does not wait for an older one that something else holds up',
      [mine, backup('old', '09:00', 'Pending', 'StorageFull')],
      undefined,
      undefined,
    ],
    [
      'does not wait for a younger one',
      [mine, backup('young', '12:00', 'Pending', 'BackupQueued')],
      undefined,
      undefined,
    ],
    [
      'waits for one that was let in and is not seen to be yet',
      [mine, backup('first', '12:00', 'Pending')],
      'uid-first',
      /shop\/first is being/,
    ],
    [
      'does not wait for one that was let in and is over',
      [mine, backup('first', '12:00', 'Failed')],
      'uid-first',
      undefined,
    ],
    ['keeps the turn that it was given itself', [mine], 'uid-mine', undefined],
    [
      'does not wait for what is read back: that needs the node no more',
      [mine, backup('read', '09:00', 'Verifying')],
      undefined,
      undefined,
    ],
  ])('%s', (_, all, letIn, words) => {
    const trouble = awaitedTurn(mine, place, all, letIn);
    if (words === undefined) expect(trouble).toBeUndefined();
    else expect(trouble).toMatchObject({ reason: 'BackupQueued', message: expect.stringMatching(words) });
  });

  it('does not wait for another node', () => {
    const other = backup('busy', '09:00', 'Taking');
    expect(awaitedTurn(mine, { cluster: 'home', node: 'pve2' }, [mine, other], undefined)).toBeUndefined();
  });
});
