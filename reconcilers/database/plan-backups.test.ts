import { describe, expect, it } from 'vitest';
import { Backup } from '../../crds/backup.ts';
import { Database } from '../../crds/database.ts';
import { readSchedule } from '../shared/schedule.ts';
import { testCondition, testObject } from '../shared/testing.ts';
import { planBackups, scheduledName, type BackupsPlan } from './plan-backups.ts';

const text = '0 3 * * * UTC';
const setUp = [testCondition('Initialised', 'True', 'Answering')];

interface Case {
  spec?: Record<string, unknown>;
  status?: Record<string, unknown>;
  backups?: Backup[];
  now?: string;
}

function plan({ spec = {}, status = {}, backups = [], now = '2026-01-10T12:00:00Z' }: Case): BackupsPlan {
  const backup = { enabled: true, retention: 2, ...spec };
  const until = { text, until: '2026-01-10T03:00:00.000Z' };
  const database = testObject(
    Database,
    'main',
    { engine: 'postgresql', backup },
    { conditions: setUp, backupSchedule: until, ...status },
  );
  const reading = database.spec.backup.enabled ? readSchedule(database.spec.backup) : undefined;
  const schedule = reading?.ok ? reading.schedule : undefined;
  return planBackups({ database, stored: database.status, schedule, backups, now: new Date(now) });
}

function backup(
  day: number,
  over: { phase?: string; verified?: boolean; spec?: Record<string, unknown> } = {},
): Backup {
  const at = `2026-01-${String(day).padStart(2, '0')}T03:00:00.000Z`;
  const source = { kind: 'Database', name: 'main' };
  const { phase = 'Completed', verified = false, spec } = over;
  const status = { phase, takenAt: at, completedAt: at, verified };
  return testObject(Backup, `main-${day}`, { source, trigger: 'schedule', ...spec }, status);
}

function removed(found: BackupsPlan): string[] {
  return found.do === 'remove' ? found.backups.map(({ metadata }) => metadata.name).toSorted() : [];
}

describe('planBackups', () => {
  it('notes a schedule that is new, and has no past for it', () => {
    expect(plan({ status: { backupSchedule: undefined } })).toEqual({
      do: 'note',
      until: new Date('2026-01-10T12:00:00Z'),
    });
    const other = { text: '0 4 * * * UTC', until: '2020-01-01T00:00:00.000Z' };
    expect(plan({ status: { backupSchedule: other } })).toMatchObject({ do: 'note' });
  });

  it('makes the one that is due, named after its time', () => {
    expect(plan({ now: '2026-01-11T03:00:01Z' })).toEqual({
      do: 'create',
      name: 'main-20260111-0300',
      dueAt: new Date('2026-01-11T03:00:00Z'),
      missed: 0,
    });
  });

  it('makes up for all that were missed with one, however long that was', () => {
    expect(plan({ now: '2026-01-14T12:00:00Z' })).toMatchObject({
      do: 'create',
      name: 'main-20260114-0300',
      missed: 3,
    });
  });

  it('notes one that was made before the process died, and makes no second one', () => {
    const made = testObject(Backup, 'main-20260111-0300', { source: { kind: 'Database', name: 'main' } });
    expect(plan({ now: '2026-01-11T03:00:01Z', backups: [made] })).toMatchObject({ do: 'note' });
  });

  it('backs nothing up that was never set up, and nothing that is not asked for', () => {
    expect(plan({ now: '2026-01-11T03:00:01Z', status: { conditions: [] } })).toMatchObject({ do: 'note' });
    expect(plan({ now: '2026-01-11T03:00:01Z', spec: { enabled: false } })).toEqual({ do: 'nothing' });
  });

  it.each<[string, Case, string[]]>([
    ['keeps as many as asked for', { backups: [backup(8), backup(9)] }, []],
    ['lets the oldest go', { backups: [backup(7), backup(8), backup(9), backup(10)] }, ['main-7', 'main-8']],
    ['counts only those that are good', { backups: [backup(7), backup(8), backup(9, { phase: 'Failed' })] }, []],
    [
      'never lets a protected one go, nor counts it',
      { backups: [backup(6, { spec: { protected: true } }), backup(7), backup(8), backup(9)] },
      ['main-7'],
    ],
    [
      'never lets go of what a person asked for',
      { backups: [backup(6, { spec: { trigger: 'manual' } }), backup(8), backup(9)] },
      [],
    ],
    [
      'never lets the newest that was queried go',
      { backups: [backup(6, { verified: true }), backup(7), backup(8), backup(9)] },
      ['main-7'],
    ],
    ['lets go of what is too old', { spec: { maxAge: '2d' }, backups: [backup(1), backup(9)] }, ['main-1']],
    ['never lets the last good one go, however old', { spec: { maxAge: '2d' }, backups: [backup(1)] }, []],
    ['keeps a failure for people to see', { backups: [backup(9, { phase: 'Failed' })] }, []],
    [
      'forgets a failure that is old',
      { backups: [backup(1, { phase: 'Failed' }), backup(2, { phase: 'Expired' })] },
      ['main-1', 'main-2'],
    ],
    [
      'leaves what is under way alone',
      { backups: [backup(1, { phase: 'Taking' }), backup(2, { phase: 'Verifying' })] },
      [],
    ],
    [
      'keeps to retention while no schedule runs',
      { spec: { enabled: false }, backups: [backup(7), backup(8), backup(9)] },
      ['main-7'],
    ],
  ])('%s', (_, given, names) => {
    expect(removed(plan(given))).toEqual(names);
  });

  it('has a name for every time, also under a name that is long', () => {
    const { metadata } = testObject(Database, 'a'.repeat(63), { engine: 'redis' });
    const name = scheduledName({ metadata }, new Date('2026-03-01T23:59:00Z'));
    expect(
      Backup.parseManifest({
        apiVersion: 'containr.dev/v1alpha1',
        kind: 'Backup',
        metadata: { name, namespace: 'shop' },
        spec: { source: { kind: 'Database', name: 'main' } },
      }).metadata.name,
    ).toBe(name);
    expect(name).not.toBe(scheduledName({ metadata }, new Date('2026-03-01T23:58:00Z')));
  });
});
