import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Guest } from '../../crds/guest.ts';
import { Service } from '../../crds/service.ts';
import { expectNothingLeft, letSweepsRun } from './expectations.ts';
import { cancelBuilds, change, expectNoTwins, push, rollBack, runAndCheck, setPaused } from './random-steps.ts';
import { REPOSITORY, SpineWorld } from './spine-world.ts';

const NODES = ['pve1', 'pve2'] as const;
const FIRST = 20_000;
const BUDGET_MS = 12_000;
/** After a fault has ended everybody has tried again within this time. */
const LONGEST_REST_MS = 6 * 60_000;

/** One thing that people, the world or chance do; each is followed by some time. */
type Step =
  | { do: 'cancelBuilds' }
  | { do: 'rollBack'; index: number }
  | { do: 'pause' | 'recreate' | 'health'; on: boolean }
  | { do: 'commit' | 'restartService' | 'toggleSuspended' | 'setEnv' | 'deleteService' | 'killProcess' }
  | { do: 'scale'; replicas: number }
  | { do: 'loseAnswer'; call: 'createGuest' | 'configureGuest' | 'startGuest' | 'shutdownGuest' | 'destroyGuest' }
  | { do: 'failTask'; task: 'vzcreate' | 'vzstart' | 'vzshutdown' | 'vzdestroy' | 'imgcopy' }
  | { do: 'addStranger'; offset: number; type: 'lxc' | 'qemu' }
  | { do: 'removeGuest' | 'exitGuest' | 'untag'; index: number }
  | { do: 'isolate' | 'bringBack'; node: (typeof NODES)[number] }
  | { do: 'quorum' | 'reach' | 'git' | 'docker'; works: boolean };

type Timed = Step & { thenMs: number };

const index = fc.nat({ max: 3 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom('commit', 'restartService', 'setEnv', 'killProcess') }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('toggleSuspended', 'deleteService') }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('cancelBuilds') }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('rollBack'), index }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('pause', 'recreate', 'health'), on: fc.boolean() }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('scale'), replicas: fc.nat({ max: 3 }) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('loseAnswer'),
      call: fc.constantFrom('createGuest', 'configureGuest', 'startGuest', 'shutdownGuest', 'destroyGuest'),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('failTask'),
      task: fc.constantFrom('vzcreate', 'vzstart', 'vzshutdown', 'vzdestroy', 'imgcopy'),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('addStranger'),
      offset: fc.nat({ max: 5 }),
      type: fc.constantFrom('lxc', 'qemu'),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('removeGuest', 'exitGuest', 'untag'), index }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('isolate', 'bringBack'), node: fc.constantFrom(...NODES) }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constantFrom('quorum', 'reach', 'git', 'docker'), works: fc.boolean() }),
  },
);
const life = fc.array(
  fc
    .tuple(step, fc.constantFrom(0, 200, 700, 3_000, 20_000, 90_000))
    .map(([what, thenMs]): Timed => ({ ...what, thenMs })),
  { minLength: 3, maxLength: 12 },
);

async function live(spine: SpineWorld, steps: readonly Timed[], check: () => Promise<void>): Promise<void> {
  await spine.prepare();
  await spine.createService();
  for (const { thenMs, ...what } of steps) {
    await carryOut(spine, what);
    await runAndCheck(spine, thenMs, check);
  }
}

async function carryOut(spine: SpineWorld, what: Step): Promise<void> {
  switch (what.do) {
    case 'commit':
      return push(spine);
    case 'cancelBuilds':
      return cancelBuilds(spine);
    case 'rollBack':
      return rollBack(spine, what.index);
    case 'pause':
      return setPaused(spine, what.on);
    case 'recreate':
      return change(spine, (spec) => ({
        ...spec,
        rollout: { ...spec.rollout, strategy: what.on ? 'Recreate' : 'Rolling' },
      }));
    case 'health':
      spine.processes = what.on ? 'healthy' : 'unhealthy';
      return;
    case 'restartService':
      return change(spine, (spec) => ({ ...spec, restartedAt: stamp(spine) }));
    case 'setEnv':
      return change(spine, (spec) => ({ ...spec, env: [{ name: 'AT', value: stamp(spine) }] }));
    case 'toggleSuspended':
      return change(spine, (spec) => ({ ...spec, suspended: !spec.suspended }));
    case 'scale':
      return change(spine, (spec) => ({ ...spec, replicas: what.replicas }));
    case 'deleteService':
      return (await spine.all(Service)).length > 0 ? spine.deleteService() : undefined;
    case 'killProcess':
      return spine.world.restart();
    case 'loseAnswer':
      return spine.proxmox.intercept(what.call, { loseAnswer: true });
    case 'failTask':
      return spine.proxmox.planTask(what.task, { exit: 'something broke' });
    case 'addStranger':
      if (!spine.proxmox.guests.has(FIRST + what.offset))
        spine.proxmox.addStranger(FIRST + what.offset, { type: what.type, running: true });
      return;
    case 'removeGuest':
    case 'exitGuest':
    case 'untag':
      return harm(spine, what);
    case 'isolate':
      return spine.proxmox.isolateNode(what.node);
    case 'bringBack':
      return spine.proxmox.bringNodeBack(what.node);
    case 'quorum':
      spine.proxmox.quorate = what.works;
      return;
    case 'reach':
      spine.proxmox.unreachable = !what.works;
      return;
    case 'git':
      return spine.git.fail(REPOSITORY, what.works ? undefined : 'unavailable');
    case 'docker':
      return spine.docker.fail('build', what.works ? undefined : 'unreachable');
    default:
      return what satisfies never;
  }
}

function harm(spine: SpineWorld, what: { do: 'removeGuest' | 'exitGuest' | 'untag'; index: number }): void {
  const ours = [...spine.proxmox.guests.values()].filter(({ config }) => config.hostname?.startsWith('web') === true);
  const victim = ours[what.index];
  if (!victim || victim.lock !== undefined) return;
  if (what.do === 'removeGuest') spine.proxmox.removeGuest(victim.vmid);
  else if (what.do === 'exitGuest') spine.proxmox.exitGuest(victim.vmid);
  else
    spine.proxmox.touch(victim.vmid, ({ config }) => {
      config.tags = [];
    });
}

function stamp(spine: SpineWorld): string {
  return spine.clock.now().toISOString();
}

/** All that was broken works again, and somebody rolls the service once more in case a revision failed for good meanwhile. */
async function mend(spine: SpineWorld): Promise<void> {
  spine.proxmox.quorate = true;
  spine.proxmox.unreachable = false;
  for (const node of NODES) spine.proxmox.bringNodeBack(node);
  spine.git.fail(REPOSITORY, undefined);
  spine.docker.fail('build', undefined);
  spine.processes = 'healthy';
  await setPaused(spine, false);
  await spine.world.run(LONGEST_REST_MS);
  await change(spine, (spec) => ({ ...spec, restartedAt: `${stamp(spine)} mended` }));
  await spine.world.runUntilQuiet();
}

async function expectDesired(spine: SpineWorld): Promise<void> {
  const ours = [...spine.proxmox.guests.values()].filter(({ config }) => config.hostname !== 'stranger');
  const guests = await spine.all(Guest);
  const [service] = await spine.all(Service);
  const desired = !service || service.spec.suspended ? 0 : service.spec.replicas;
  expect(ours.map(({ running }) => running)).toEqual(Array.from({ length: desired }, () => true));
  const numbers = (list: number[]): number[] => list.toSorted((a, b) => a - b);
  expect(numbers(guests.map(({ status }) => status.vmid ?? 0))).toEqual(numbers(ours.map(({ vmid }) => vmid)));
  if (!service) return expectNothingLeft(spine);
  const ready = service.spec.suspended ? 'False Suspended' : desired === 0 ? 'True NoReplicas' : 'True Available';
  expect(spine.readyOf(service)).toBe(ready);
}

/** Each of them is there, runs, and carries no word of ours. */
function expectStrangersUntouched(spine: SpineWorld, vmids: ReadonlySet<number>): void {
  for (const vmid of vmids) {
    const stranger = spine.proxmox.guests.get(vmid);
    const { hostname, tags, memoryMiB } = stranger?.config ?? {};
    expect({ vmid, hostname, tags, memoryMiB, running: stranger?.running, lock: stranger?.lock }).toEqual({
      vmid,
      hostname: 'stranger',
      tags: [],
      memoryMiB: 512,
      running: true,
      lock: undefined,
    });
  }
}

async function liveAndEnd(spine: SpineWorld, steps: readonly Timed[], strangers: ReadonlySet<number>): Promise<void> {
  await live(spine, steps, async () => {
    await expectNoTwins(spine);
    expectStrangersUntouched(spine, strangers);
  });
  await mend(spine);
  await expectDesired(spine);
  if ((await spine.all(Service)).length > 0) await spine.deleteService();
  await spine.world.runUntilQuiet();
  await letSweepsRun(spine);
  await expectNothingLeft(spine);
}

describe('a life of edits, faults, crashes and strangers', () => {
  it('ends with what was asked for and nothing else, and no stranger is touched', { timeout: 60_000 }, async () => {
    const property = fc.asyncProperty(life, async (steps) => {
      const spine = new SpineWorld({ nodes: NODES });
      const strangers = noteStrangers(spine);
      try {
        await liveAndEnd(spine, steps, strangers);
        expectStrangersUntouched(spine, strangers);
      } finally {
        await spine.world.restart();
        spine.dispose();
      }
    });
    await fc.assert(property, { numRuns: 1_000, interruptAfterTimeLimit: BUDGET_MS });
  });
});

/** The vmids of all strangers that come from now on. */
function noteStrangers({ proxmox }: SpineWorld): ReadonlySet<number> {
  const vmids = new Set<number>();
  const addStranger = proxmox.addStranger.bind(proxmox);
  proxmox.addStranger = (vmid, about) => {
    vmids.add(vmid);
    return addStranger(vmid, about);
  };
  return vmids;
}
