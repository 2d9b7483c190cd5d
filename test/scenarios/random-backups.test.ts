import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Backup, Restore } from '../../crds/backup.ts';
import { Database } from '../../crds/database.ts';
import { Guest } from '../../crds/guest.ts';
import { Volume } from '../../crds/volume.ts';
import { DataWorld } from './data-world.ts';
import { readData } from './engine-data.ts';

const BUDGET_MS = 15_000;
const SLICE_MS = 3_000;
const NAMES = ['main', 'other'] as const;

type Step =
  | {
      do: 'write' | 'delete' | 'make' | 'restart' | 'crash' | 'stopAndStart' | 'backUp' | 'dump';
      database: (typeof NAMES)[number];
    }
  | { do: 'restore'; database: (typeof NAMES)[number]; index: number }
  | { do: 'deleteBackup' | 'deleteRestore'; index: number }
  | { do: 'killProcess' | 'failTask' | 'loseAnswer' | 'nodeAway' | 'fullStorage' };
type Timed = Step & { thenMs: number };

const database = fc.constantFrom(...NAMES);
const index = fc.nat({ max: 4 });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constantFrom('write', 'delete', 'make', 'restart', 'crash', 'stopAndStart'),
      database,
    }),
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constantFrom('backUp', 'dump'), database }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('restore'), database, index }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('deleteBackup', 'deleteRestore'), index }) },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constantFrom('killProcess', 'failTask', 'loseAnswer', 'nodeAway', 'fullStorage') }),
  },
);
const life = fc.array(
  fc.tuple(step, fc.constantFrom(0, 500, 2_000, 6_000, 30_000)).map(([what, thenMs]): Timed => ({ ...what, thenMs })),
  { minLength: 3, maxLength: 12 },
);

/** A life, and what was promised in it. */
class Life {
  readonly here = new DataWorld();
  /** By backup, as of the moment before it was asked for: what its archive must have when it is completed. */
  readonly promised = new Map<string, readonly string[]>();
  #count = 0;

  async begin(): Promise<void> {
    await this.here.begin();
    for (const name of NAMES) await this.here.born(name);
    for (const name of NAMES) await this.here.write(`first of ${name}`, name);
  }

  async carryOut(what: Step): Promise<void> {
    const { here } = this;
    switch (what.do) {
      case 'write':
        await here.write(`row ${(this.#count += 1)}`, what.database);
        return;
      case 'delete':
        if (await here.has(Database, what.database)) await here.remove(Database, what.database);
        return;
      case 'make':
        if (!(await here.has(Database, what.database)))
          await here.create(Database, what.database, { engine: 'postgresql', version: '17' }, 'shop');
        return;
      case 'restart':
        return this.#change(what.database, (spec) => ({ ...spec, restartedAt: `${(this.#count += 1)}` }));
      case 'stopAndStart':
        return this.#change(what.database, (spec) => ({
          ...spec,
          power: spec.power === 'running' ? ('stopped' as const) : ('running' as const),
        }));
      case 'crash':
        for (const vmid of here.runningVmids().slice(0, 1)) here.proxmox.exitGuest(vmid);
        return;
      case 'backUp':
      case 'dump':
        return this.#backUp(what.database, what.do === 'dump' ? 'dump' : 'snapshot');
      case 'restore': {
        const backups = await here.names(Backup);
        const backup = backups[what.index % Math.max(1, backups.length)];
        if (backup !== undefined)
          await here.restore(`restore-${(this.#count += 1)}`, backup, what.database, { deadline: '10m' });
        return;
      }
      case 'deleteBackup': {
        const backups = await here.names(Backup);
        const name = backups[what.index % Math.max(1, backups.length)];
        if (name !== undefined) await here.remove(Backup, name);
        return;
      }
      case 'deleteRestore': {
        const restores = await here.names(Restore);
        const name = restores[what.index % Math.max(1, restores.length)];
        if (name !== undefined) await here.remove(Restore, name);
        return;
      }
      case 'killProcess':
        return here.world.restart();
      case 'failTask':
        here.proxmox.planTask('vzdump', { exit: 'job errors' });
        return;
      case 'loseAnswer':
        here.proxmox.intercept('backUp', { loseAnswer: true });
        here.proxmox.intercept('restoreGuest', { loseAnswer: true });
        return;
      case 'nodeAway':
        here.proxmox.isolateNode('pve1');
        await here.world.run(20_000);
        here.proxmox.bringNodeBack('pve1');
        return;
      case 'fullStorage': {
        const { backups } = here;
        const before = backups.totalBytes;
        backups.totalBytes = backups.usedBytes;
        await here.world.run(20_000);
        backups.totalBytes = before;
        return;
      }
      default:
        what satisfies never;
    }
  }

  /** What holds at every moment. */
  async check(): Promise<void> {
    const { here } = this;
    // A backup that says that it is good has what was acknowledged before it was asked for.
    for (const { metadata, status } of await here.all(Backup)) {
      if (status.phase !== 'Completed' || metadata.deletionTimestamp !== undefined) continue;
      const archive = here.backups.backups.get(status.volid ?? '');
      expect(archive, `${metadata.name} has an archive`).toBeDefined();
      const [disk] = archive?.volumes.values() ?? [];
      const rows = readData(disk?.content ?? '')?.rows ?? [];
      for (const row of this.promised.get(metadata.name) ?? []) expect(rows, metadata.name).toContain(row);
      expect(status.credentialsSecretRef, metadata.name).toBeDefined();
    }
    // One is taken at a time on a node.
    const taking = (await here.all(Backup)).filter(({ status }) => status.phase === 'Taking');
    expect(taking.length).toBeLessThanOrEqual(1);
    expect(
      here.proxmox.tasks.running('pve1', undefined).filter(({ type }) => type === 'vzdump').length,
    ).toBeLessThanOrEqual(1);
    // Every volume that was made and is not being removed has its disk: no guest took another's along.
    for (const { metadata, status } of await here.all(Volume)) {
      if (status.volid === undefined || metadata.deletionTimestamp !== undefined || status.moving || status.task)
        continue;
      const isThere = here.proxmox.volume(status.volid) !== undefined;
      const isKnown = here.disks().some(({ vmid }) => vmid === status.vmid);
      expect(isThere || isKnown, `the disk of ${metadata.name}`).toBe(true);
    }
  }

  /** What holds once all is quiet. */
  async checkAtRest(): Promise<void> {
    const { here } = this;
    await this.check();
    for (const { spec, metadata } of await here.all(Guest))
      expect(spec.hold, `${metadata.name} is of a trial that is over`).toBe(false);
    for (const { metadata, status } of await here.all(Backup))
      expect(['Completed', 'Failed', 'Expired'], `${metadata.name}: ${JSON.stringify(status)}`).toContain(status.phase);
    for (const { metadata, status } of await here.all(Restore))
      expect(['Completed', 'Failed'], `${metadata.name}: ${JSON.stringify(status)}`).toContain(status.phase);
    // An archive belongs to a backup, a guest to a Guest or to a Volume that it keeps, a disk to a Volume.
    const volids = new Set((await here.all(Backup)).map(({ status }) => status.volid));
    expect(here.archives.filter(({ volid }) => !volids.has(volid)).map(({ volid }) => volid)).toEqual([]);
    const volumes = await here.all(Volume);
    const known = new Set([
      ...(await here.all(Guest)).map(({ status }) => status.vmid),
      ...volumes.map(({ status }) => status.keeperVmid),
    ]);
    expect([...here.proxmox.guests.keys()].filter((vmid) => !known.has(vmid))).toEqual([]);
    expect(
      here
        .disks()
        .map(({ volid }) => volid)
        .toSorted(),
    ).toEqual(volumes.flatMap(({ status }) => status.volid ?? []).toSorted());
    for (const { metadata, spec, status } of await here.all(Database)) {
      // One that is to be made from a backup is refused, and says so, where an earlier one of its name left its data.
      const isRefused =
        spec.source !== undefined && (await here.said(Database, metadata.name)).includes('False Rejected');
      if (spec.power === 'running' && !isRefused)
        expect(status.phase, `${metadata.name}: ${JSON.stringify(status.conditions)}`).toBe('Running');
    }
  }

  async #change(name: string, edit: (spec: Database['spec']) => Database['spec']): Promise<void> {
    const object = await this.here.store.get(Database, { namespace: 'shop', name });
    if (object && object.metadata.deletionTimestamp === undefined) await this.here.edit(Database, name, edit);
  }

  async #backUp(of: string, mode: string): Promise<void> {
    const { here } = this;
    const name = `backup-${(this.#count += 1)}`;
    const object = await here.store.get(Database, { namespace: 'shop', name: of });
    // What a restore has in hand changes what the database holds: nothing is promised of that moment.
    const isRestoring = (await here.all(Restore)).some(
      ({ spec, status }) => spec.target.name === of && !isOver(status.phase),
    );
    const rows = object?.status.phase === 'Running' && !isRestoring ? await here.rows(of) : [];
    this.promised.set(name, rows);
    await here.backUp(name, { mode, verify: this.#count % 2 === 0, deadline: '10m' }, of);
  }
}

function isOver(phase: string | undefined): boolean {
  return phase === 'Completed' || phase === 'Failed';
}

describe('a life of backups, restores, deletions, crashes and faults', () => {
  it('loses nothing that a completed backup has, and leaves no trial', { timeout: 120_000 }, async () => {
    let lives = 0;
    const property = fc.asyncProperty(life, async (steps) => {
      const one = new Life();
      try {
        await one.begin();
        for (const { thenMs, ...what } of steps) {
          await one.carryOut(what);
          for (let left = thenMs; left > 0; left -= SLICE_MS) {
            await one.here.world.run(Math.min(left, SLICE_MS));
            await one.check();
          }
          await one.check();
        }
        // Time enough for every deadline to pass.
        await one.here.world.runUntilQuiet({ unchangedMs: 12 * 60_000 });
        await one.checkAtRest();
        lives += 1;
      } finally {
        await one.here.world.restart();
        one.here.dispose();
      }
    });
    await fc.assert(property, { numRuns: 1_000, interruptAfterTimeLimit: BUDGET_MS });
    console.log(`  ${lives} lives`);
  });
});
