import { describe, expect, it } from 'vitest';
import { Backup } from '../../crds/backup.ts';
import { readDigest } from '../shared/backup-commands.ts';
import type { DatabaseEngineFacts } from '../shared/database-engine.ts';
import { testObject } from '../shared/testing.ts';
import { nextTaking, type TakingStep } from './plan.ts';

const at = '2026-01-01T00:00:00.000Z';
const task = { upid: 'UPID:pve1:x', type: 'asked', startedAt: at };

function facts(backup: DatabaseEngineFacts['backup']): DatabaseEngineFacts {
  const ports: DatabaseEngineFacts['ports'] = [{ name: 'db', port: 1 }];
  return { title: 'Any', series: ['1'], protocol: 'redis', ports, dataPath: '/data', backup };
}

function next(mode: string, status: Record<string, unknown>, engine = facts({ quiesce: {} })): TakingStep {
  const source = { kind: 'Database', name: 'main' };
  const backup = testObject(Backup, 'one', { source, mode }, { guestUid: 'u', ...status });
  return nextTaking(backup.spec, backup.status, engine);
}

describe('nextTaking', () => {
  it.each<[string, TakingStep, TakingStep]>([
    ['makes the engine ready first', next('snapshot', {}), { do: 'prepare', command: 'quiesce' }],
    ['has it write a dump', next('dump', {}), { do: 'prepare', command: 'dump' }],
    ['has nothing made ready that will be stopped', next('stop', {}), { do: 'prepare', command: undefined }],
    [
      'has nothing made ready that needs nothing',
      next('snapshot', {}, facts({})),
      { do: 'prepare', command: undefined },
    ],
    ['asks when all is ready', next('snapshot', { preparedAt: at }), { do: 'ask' }],
    [
      'looks for what was asked for, and does not ask twice',
      next('snapshot', { preparedAt: at, askedAt: at }),
      { do: 'find' },
    ],
    ['follows its task', next('dump', { preparedAt: at, askedAt: at, task }), { do: 'follow', upid: task.upid }],
    [
      'is done with an archive',
      next('dump', { preparedAt: at, askedAt: at, task, volid: 'local:backup/x' }),
      { do: 'done' },
    ],
  ])('%s', (_, step, expected) => {
    expect(step).toEqual(expected);
  });
});

describe('readDigest', () => {
  it('reads digest, files and bytes, also behind other words, and nothing else', () => {
    const sha256 = 'a1'.repeat(32);
    expect(readDigest(`${sha256} 3 4096\n`)).toEqual({ sha256, files: 3, bytes: 4096 });
    expect(readDigest(`a warning\n${sha256} 0 0\n`)).toMatchObject({ files: 0 });
    for (const odd of ['', 'cannot open /data', `${sha256}`, `${sha256.slice(1)} 3 4`])
      expect(readDigest(odd)).toBeUndefined();
  });
});
