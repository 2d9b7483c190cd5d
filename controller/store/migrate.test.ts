import { describe, expect, it } from 'vitest';
import { pendingMigration, readMigrations, type Migration } from './migrate.ts';

function migration(number: number, checksum = `sum ${number}`): Migration {
  return { number, name: `00${number}-step`, checksum, text: '' };
}

const known = [migration(1), migration(2), migration(3)];

describe('pendingMigration', () => {
  it('answers the first that was not applied, in order', () => {
    expect(pendingMigration([], known)).toBe(known[0]);
    expect(pendingMigration([migration(1)], known)).toBe(known[1]);
    expect(pendingMigration(known, known)).toBeUndefined();
  });

  it('refuses a database of a newer version, and says what to do', () => {
    const newer = [...known, migration(4)];
    expect(() => pendingMigration(newer, known)).toThrow(/newer version .*004-step.*003-step.*Start that version/);
    expect(() => pendingMigration(newer, known)).toThrow(expect.objectContaining({ code: 'Invalid' }));
  });

  it('refuses a database that other files of the same number migrated', () => {
    expect(() => pendingMigration([migration(1, 'other')], known)).toThrow(/another "001-step"/);
  });
});

describe('readMigrations', () => {
  it('finds the files of this version, numbered without a gap', async () => {
    const migrations = await readMigrations();
    expect(migrations.length).toBeGreaterThan(0);
    expect(migrations.map(({ number }) => number)).toEqual(migrations.map((_, index) => index + 1));
  });
});
