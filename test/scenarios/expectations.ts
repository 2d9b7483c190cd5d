import { expect } from 'vitest';
import { Build } from '../../crds/build.ts';
import { Deployment } from '../../crds/deployment.ts';
import { Guest } from '../../crds/guest.ts';
import { Service } from '../../crds/service.ts';
import type { SpineWorld } from './spine-world.ts';

const MINUTE_MS = 60_000;
const TWO_SWEEPS_MS = 31 * MINUTE_MS;
/** More looks a minute at an object that gets nowhere would wear out whoever is asked. */
const MOST_PASSES_A_MINUTE = 20;

/** Exactly so many guests of ours exist and run, each known to one Guest, and the service is content. */
export async function expectAtRest(spine: SpineWorld, guests: number, name = 'web'): Promise<void> {
  const ours = [...spine.proxmox.guests.values()].filter(({ config }) => config.hostname !== 'stranger');
  const known = (await spine.all(Guest)).map(({ status }) => status.vmid ?? 0).toSorted((a, b) => a - b);
  expect(known).toHaveLength(guests);
  expect(ours.map(({ vmid }) => vmid).toSorted((a, b) => a - b)).toEqual(known);
  expect(ours.filter(({ running }) => !running)).toEqual([]);
  expect(spine.readyOf(await spine.service(name))).toBe('True Available');
}

/** No object, guest, archive, artifact, image or log of a service is left. */
export async function expectNothingLeft(spine: SpineWorld): Promise<void> {
  for (const kind of [Service, Build, Deployment, Guest])
    expect((await spine.all<Service | Build | Deployment | Guest>(kind)).map(({ metadata }) => metadata.name)).toEqual(
      [],
    );
  const ours = [...spine.proxmox.guests.values()].filter(({ config }) => config.hostname !== 'stranger');
  expect(ours.map(({ vmid }) => vmid)).toEqual([]);
  for (const node of spine.proxmox.nodes.keys())
    expect(spine.proxmox.storages.get('local')?.archives(node)).toEqual([]);
  expect(await spine.artifacts.list()).toEqual([]);
  expect(spine.docker.tags()).toEqual([]);
  expect([...spine.logs.lines.keys()]).toEqual([]);
}

/** What a crash in the middle of a build left in the artifact store gets the time to be swept away. */
export async function letSweepsRun(spine: SpineWorld): Promise<void> {
  if ((await spine.artifacts.list()).length > 0) await spine.world.run(TWO_SWEEPS_MS);
}

/** Lets minutes go by, in which no object is looked at all the time. */
export async function expectCalm(spine: SpineWorld, minutes = 5): Promise<void> {
  const before = new Map(spine.world.passesOf);
  await spine.world.run(minutes * MINUTE_MS);
  const hot = [...spine.world.passesOf]
    .map(([object, passes]) => ({ object, aMinute: (passes - (before.get(object) ?? 0)) / minutes }))
    .filter(({ aMinute }) => aMinute > MOST_PASSES_A_MINUTE);
  expect(hot).toEqual([]);
}

/** Deletes the service and sees that nothing of it stays. */
export async function expectLeavesNothing(spine: SpineWorld, name = 'web'): Promise<void> {
  await spine.deleteService(name);
  await spine.world.runUntilQuiet();
  await expectNothingLeft(spine);
}
