import { afterEach, describe, expect, it } from 'vitest';
import { Backup } from '../../crds/backup.ts';
import { Database } from '../../crds/database.ts';
import { FakeClock } from '../harness/fake-clock.ts';
import { DataWorld } from './data-world.ts';

const HOUR_MS = 3_600_000;
/** Between two backups: every moment of it is lived through. */
const TURN_MS = 10 * 60_000;
const worlds: DataWorld[] = [];

afterEach(() => {
  for (const world of worlds.splice(0)) world.dispose();
});

/** A clock on the wall that somebody sets, while time goes by as it does. */
class WallClock extends FakeClock {
  aheadMs = 0;

  override now(): Date {
    return new Date(super.now().getTime() + this.aheadMs);
  }
}

async function scene(backup: Record<string, unknown>): Promise<{ here: DataWorld; clock: WallClock }> {
  const clock = new WallClock();
  const here = new DataWorld({ clock });
  worlds.push(here);
  await here.begin();
  await here.create(
    Database,
    'main',
    {
      engine: 'postgresql',
      version: '17',
      backup: { enabled: true, schedule: '*/10 * * * *', retention: 3, ...backup },
    },
    'shop',
  );
  await here.world.run(3 * 60_000);
  await here.write('first');
  return { here, clock };
}

describe('backups by schedule', () => {
  it('are made up for by one when the controller was down', async () => {
    const { here, clock } = await scene({});
    await here.world.run(1.1 * TURN_MS);
    expect(await here.names(Backup)).toHaveLength(1);
    await here.world.restart();
    await clock.advance(9 * TURN_MS);
    await here.world.run(2 * 60_000);
    expect(await here.names(Backup)).toEqual(['main-20260101-0010', 'main-20260101-0140']);
  });

  it('are made up for by one when the clock jumps forward, and go on when it is set back', async () => {
    const { here, clock } = await scene({});
    await here.world.run(1.1 * TURN_MS);
    clock.aheadMs = 400 * 24 * HOUR_MS;
    await here.world.run(0.5 * TURN_MS);
    expect(await here.names(Backup)).toHaveLength(2);
    clock.aheadMs = 0;
    await here.world.run(2.5 * TURN_MS);
    const names = await here.names(Backup);
    expect(names).toContain('main-20260101-0030');
    expect(names).toContain('main-20260101-0040');
    for (const name of names) expect(await here.said(Backup, name)).toContain('Completed True');
  });

  it('come once when the clock is set back by a little', async () => {
    const { here, clock } = await scene({});
    await here.world.run(0.9 * TURN_MS);
    expect(await here.names(Backup)).toEqual(['main-20260101-0010']);
    clock.aheadMs = -200_000;
    await here.world.run(0.5 * TURN_MS);
    expect(await here.names(Backup)).toEqual(['main-20260101-0010']);
    expect(here.archives).toHaveLength(1);
  });

  it('never let go of the last good one, however many fail after it and however old it gets', async () => {
    const { here } = await scene({ retention: 1, maxAge: '20m' });
    await here.world.run(1.1 * TURN_MS);
    const [good = ''] = await here.names(Backup);
    expect(await here.said(Backup, good)).toContain('Completed True');
    here.proxmox.planTask('vzdump', { exit: 'job errors', times: 100 });
    await here.world.run(4 * TURN_MS);
    expect(await here.said(Backup, good)).toContain('Completed True');
    expect(here.archives).toHaveLength(1);
    expect((await here.names(Backup)).length).toBeGreaterThan(3);
    expect(await here.said(Database, 'main', 'BackupHealthy')).toMatch(/False BackupFailed: /);
    await here.restore('back', good);
    await here.world.run(0.5 * TURN_MS);
    expect(await here.rows()).toEqual(['first']);
  });

  it('are at the hour of their time zone, also on the days on which clocks change', async () => {
    const { here, clock } = await scene({ schedule: '30 2 * * *', timeZone: 'Europe/Berlin' });
    // The night in which 02:30 does not exist, and the one in which it comes twice.
    for (const night of ['2026-03-28T12:00:00Z', '2026-10-24T12:00:00Z']) {
      clock.aheadMs += Date.parse(night) - clock.now().getTime();
      await here.world.run(0.2 * TURN_MS);
      const before = new Set(await here.names(Backup));
      clock.aheadMs += 12.9 * HOUR_MS;
      await here.world.run(TURN_MS);
      expect((await here.names(Backup)).filter((name) => !before.has(name))).toHaveLength(1);
    }
  });
});
