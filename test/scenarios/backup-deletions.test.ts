import { afterEach, describe, expect, it } from 'vitest';
import { Backup } from '../../crds/backup.ts';
import { Database } from '../../crds/database.ts';
import { Guest } from '../../crds/guest.ts';
import { Project } from '../../crds/project.ts';
import { Volume } from '../../crds/volume.ts';
import { DataWorld } from './data-world.ts';

const MINUTE_MS = 60_000;
const worlds: DataWorld[] = [];

afterEach(() => {
  for (const world of worlds.splice(0)) world.dispose();
});

async function scene(spec: Record<string, unknown> = {}): Promise<DataWorld> {
  const here = new DataWorld();
  worlds.push(here);
  await here.begin();
  await here.born('main', spec);
  await here.write('first');
  return here;
}

/** While it is taken, `task`: as soon as Proxmox works. */
type Moment = NonNullable<Backup['status']['phase']> | 'task' | 'held';
const MOMENTS: readonly Moment[] = ['Pending', 'Taking', 'task', 'Verifying', 'held', 'Completed'];

async function backUpUntil(here: DataWorld, moment: Moment): Promise<void> {
  const lock = (as: string | undefined): void =>
    here.proxmox.guests.forEach(({ vmid }) => here.proxmox.touch(vmid, (guest) => (guest.lock = as)));
  if (moment === 'Pending') lock('snapshot');
  if (moment === 'Pending') await here.world.run(15_000);
  await here.backUp('one', { verify: true, deadline: '30m' });
  const isThen = async (): Promise<boolean> => {
    const { status } = await here.get(Backup, 'one');
    if (moment === 'task') return status.task !== undefined;
    if (moment === 'held')
      return (await here.all(Guest)).some(({ spec, status: { power } }) => spec.hold && power === 'running');
    return (status.phase ?? 'Pending') === moment;
  };
  expect((await here.world.runUntilQuiet({ until: isThen })).because).toBe('until');
  if (moment === 'Pending') lock(undefined);
}

async function expectNoTrial(here: DataWorld): Promise<void> {
  for (const kind of [Guest, Volume])
    expect((await here.names<Guest | Volume>(kind)).filter((name) => name.includes('trial'))).toEqual([]);
  for (const { config, lock } of here.proxmox.guests.values()) {
    expect(config.hostname).not.toContain('trial');
    expect(lock).toBeUndefined();
  }
}

describe('a backup', () => {
  it.each(MOMENTS)('leaves no archive and no trial when it is deleted while it is %s', async (moment) => {
    const here = await scene();
    await backUpUntil(here, moment);
    await here.remove(Backup, 'one');
    await here.world.runUntilQuiet();
    expect([await here.names(Backup), here.archives]).toEqual([[], []]);
    await expectNoTrial(here);
    expect(await here.said(Database, 'main')).toContain('Running True Answering');
    expect(await here.rows()).toEqual(['first']);
  });

  it.each(MOMENTS)('ends the same when the process is killed while it is %s', async (moment) => {
    const here = await scene();
    await backUpUntil(here, moment);
    await here.world.restart();
    await here.world.runUntilQuiet();
    expect(await here.said(Backup, 'one')).toContain('Completed True');
    expect((await here.get(Backup, 'one')).status.verified).toBe(true);
    expect(here.archives).toHaveLength(1);
    await expectNoTrial(here);
  });

  it.each(MOMENTS)('comes to an end that says why when its database is deleted while it is %s', async (moment) => {
    const here = await scene();
    await backUpUntil(here, moment);
    await here.remove(Database, 'main');
    await here.world.runUntilQuiet();
    await here.world.run(40 * MINUTE_MS);
    await here.world.runUntilQuiet();
    expect(await here.names(Database)).toEqual([]);
    const said = await here.said(Backup, 'one');
    expect(said).toMatch(/^(Completed True|Failed False \w+: .{20})/);
    if (moment === 'held' || moment === 'Completed') expect(said).toMatch(/^Completed/);
    await expectNoTrial(here);
    // The volume stays, as its policy says, and so does an archive that is whole.
    expect(here.disks().some(({ content }) => content.includes('first'))).toBe(true);
    await here.remove(Backup, 'one');
    await here.world.runUntilQuiet();
    expect([await here.names(Backup), here.archives]).toEqual([[], []]);
  });
});

describe('a project that is deleted', () => {
  it('takes its databases, volumes and backups down in order, and keeps what is to be kept', async () => {
    const here = await scene();
    await backUpUntil(here, 'Completed');
    await here.world.runUntilQuiet();
    await here.store.delete(Project, { name: 'shop' }, { manager: 'containr-cli', user: 'test' });
    await here.world.runUntilQuiet();
    expect(await here.all(Project)).toEqual([]);
    expect([await here.names(Database), await here.names(Backup), await here.names(Guest)]).toEqual([[], [], []]);
    expect(here.runningVmids()).toEqual([]);
    expect(here.disks().map(({ content }) => content)).toEqual([expect.stringContaining('first')]);
  });

  it('stays while a backup is protected, and says so', async () => {
    const here = await scene();
    await here.backUp('one', { protected: true });
    await here.world.runUntilQuiet();
    await here.store.delete(Project, { name: 'shop' }, { manager: 'containr-cli', user: 'test' });
    await here.world.run(10 * MINUTE_MS);
    const [project] = await here.all(Project);
    expect(project && JSON.stringify(project.status.conditions)).toContain('backups');
    expect(here.archives).toHaveLength(1);
    await here.edit(Backup, 'one', (spec) => ({ ...spec, protected: false }));
    await here.world.runUntilQuiet();
    expect(await here.all(Project)).toEqual([]);
    expect(here.archives).toEqual([]);
  });
});
