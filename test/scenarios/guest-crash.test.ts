import { afterEach, describe, expect, it } from 'vitest';
import { Guest } from '../../crds/guest.ts';
import { Volume } from '../../crds/volume.ts';
import type { CrashPoint } from '../harness/crash.ts';
import { GuestWorld } from './guest-world.ts';

const worlds: GuestWorld[] = [];
const mounts = [{ volume: 'data', mountPath: '/data' }];

afterEach(() => {
  for (const guests of worlds.splice(0)) guests.dispose();
});

/** A run that ends, and a volume that goes from one guest to the next; the process dies once, somewhere. */
async function live(crash?: CrashPoint): Promise<GuestWorld> {
  const guests = new GuestWorld({ crash });
  worlds.push(guests);
  watchDisks(guests);
  const starts = countStarts(guests, 'run');
  await guests.prepare();
  await guests.createGuest('run', { process: { command: ['/migrate'], restart: 'Never' } });
  await guests.create(Volume, 'data', { guest: 'db-1', retain: false }, 'shop');
  await guests.createGuest('db-1', { mounts });
  await guests.world.runUntilQuiet();
  expect(await guests.ready('run')).toMatch(/^True/);
  expect(await guests.ready('db-1')).toMatch(/^True/);

  await guests.say('run', { process: 'finished', lastExit: { code: 4, at: guests.clock.now() } });
  await guests.createGuest('db-2', { mounts });
  await guests.edit(Volume, 'data', (spec) => ({ ...spec, guest: 'db-2' }));
  await guests.delete(Guest, 'db-1');
  await guests.world.runUntilQuiet();
  expect(await guests.ready('run')).toBe('False Finished: The process ended with code 4.');
  expect(await guests.ready('db-2')).toMatch(/^True/);
  expect((await guests.get(Volume, 'data')).status.attachedTo).toBe('db-2');
  expect(guests.world.events.map(({ reason }) => reason)).not.toContain('VolumeMissing');

  for (const name of ['run', 'db-2']) await guests.delete(Guest, name);
  await guests.delete(Volume, 'data');
  await guests.world.runUntilQuiet();
  expect([...guests.proxmox.guests.keys()]).toEqual([]);
  expect((await guests.store.list(Guest)).items).toEqual([]);
  expect(starts.count).toBe(1);
  return guests;
}

/** No guest is destroyed that has a disk besides its own. */
function watchDisks({ proxmox }: GuestWorld): void {
  const destroy = proxmox.destroyGuest.bind(proxmox);
  proxmox.destroyGuest = async (node, vmid, signal) => {
    const config = proxmox.guests.get(vmid)?.config;
    const isKeeper = config?.entrypoint !== '/.containr/init';
    if (!isKeeper) expect({ ...config?.mounts, ...config?.unused }).toEqual({});
    return destroy(node, vmid, signal);
  };
}

function countStarts({ proxmox }: GuestWorld, hostname: string): { count: number } {
  const starts = { count: 0 };
  const run = proxmox.run.bind(proxmox);
  proxmox.run = (guest) => {
    if (guest.config.hostname === hostname && !guest.running) starts.count += 1;
    run(guest);
  };
  return starts;
}

// Dying before a call is all but dying after the one before it, so each of the two takes every other call.
describe.each([
  ['before', 1],
  ['after', 2],
] as const)('a process that dies %s any of its calls', (when, first) => {
  it('ends in the same world: the exit known, the volume moved, nothing left', { timeout: 300_000 }, async () => {
    const { world: undisturbed } = await live();
    expect(undisturbed.calls).toBeGreaterThan(60);
    for (let call: number = first; call <= undisturbed.calls; call += 2) {
      const guests = await live({ call, when }).catch((error: unknown) => {
        throw new Error(`died ${when} call ${call} (${worlds.at(-1)?.world.diedAt})`, { cause: error });
      });
      expect(guests.world.diedAt, `the process should have died ${when} call ${call}`).toBeDefined();
      guests.dispose();
      worlds.pop();
    }
  });
});
