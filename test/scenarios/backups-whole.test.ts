import { afterEach, describe, expect, it } from 'vitest';
import { Backup, Restore } from '../../crds/backup.ts';
import { Database } from '../../crds/database.ts';
import { Guest } from '../../crds/guest.ts';
import { DataWorld } from './data-world.ts';

const worlds: DataWorld[] = [];

afterEach(() => {
  for (const world of worlds.splice(0)) world.dispose();
});

async function scene(options: ConstructorParameters<typeof DataWorld>[0] = {}): Promise<DataWorld> {
  const made = new DataWorld(options);
  worlds.push(made);
  await made.begin();
  return made;
}

describe('the life of a database with backups', () => {
  it('is backed up and verified, restored in place and as a new one, and leaves nothing but what is to be kept', async () => {
    const here = await scene();
    await here.born();
    expect(await here.said(Database, 'main')).toContain('Running True Answering');
    expect(await here.write('before the backup')).toBe(true);

    await here.backUp('one', { verify: true });
    await here.world.runUntilQuiet();
    expect(await here.said(Backup, 'one')).toContain('Completed True BackupCompleted');
    expect(await here.said(Backup, 'one', 'RestoreVerified')).toContain('True RestoreVerified');
    expect(await here.names(Guest)).toHaveLength(1);
    expect(here.proxmox.guests.size).toBe(1);
    expect(here.disks()).toHaveLength(1);

    expect(await here.write('after the backup')).toBe(true);
    await here.restore('back', 'one');
    await here.world.runUntilQuiet();
    expect(await here.said(Restore, 'back')).toContain('Completed True RestoreCompleted');
    expect(await here.rows()).toEqual(['before the backup']);
    expect(await here.said(Database, 'main')).toContain('Running True Answering');
  });
});
