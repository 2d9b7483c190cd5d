import { afterEach, describe, expect, it } from 'vitest';
import { Guest } from '../../crds/guest.ts';
import { ProxmoxCluster } from '../../crds/proxmox-cluster.ts';
import { Service } from '../../crds/service.ts';
import { ProxmoxFault } from '../../reconcilers/providers/proxmox/fault.ts';
import { expectAtRest, expectCalm, expectLeavesNothing, expectNothingLeft } from './expectations.ts';
import { SpineWorld } from './spine-world.ts';

const worlds: SpineWorld[] = [];
const FIRST = 20_000;

async function prepared(nodes: readonly string[] = ['pve1'], cluster = {}): Promise<SpineWorld> {
  const spine = new SpineWorld({ nodes });
  worlds.push(spine);
  await spine.prepare({ cluster });
  return spine;
}

/** With a service that runs as one guest. */
async function running(nodes?: readonly string[], cluster = {}): Promise<SpineWorld> {
  const spine = await prepared(nodes, cluster);
  await spine.createService();
  await spine.world.runUntilQuiet();
  await expectAtRest(spine, 1);
  return spine;
}

/** The end of every row: calm, exactly one guest, and nothing left once the service is deleted. */
async function expectGoodEnd(spine: SpineWorld): Promise<void> {
  await spine.world.runUntilQuiet();
  await expectCalm(spine);
  await expectAtRest(spine, 1);
  await expectLeavesNothing(spine);
}

async function guest(spine: SpineWorld): Promise<Guest> {
  const [first, ...others] = await spine.all(Guest);
  if (!first || others.length > 0) throw new Error(`One Guest was expected, not ${others.length + 1}.`);
  return first;
}

function callsOf(spine: SpineWorld, method: 'createGuest' | 'configureGuest' | 'destroyGuest' | 'startGuest'): number {
  return spine.proxmox.calls.get(method) ?? 0;
}

afterEach(() => {
  for (const spine of worlds.splice(0)) spine.dispose();
});

describe('the failure matrix of Proxmox', () => {
  it('P1: a create that was accepted and never answered makes no second guest', async () => {
    const spine = await prepared();
    spine.proxmox.intercept('createGuest', { loseAnswer: true });
    await spine.createService();
    await spine.world.runUntilQuiet();
    expect([...spine.proxmox.guests.keys()]).toEqual([FIRST]);
    await expectGoodEnd(spine);
  });

  it('P2: a process that dies between the create call and saving its task adopts the guest', async () => {
    const spine = await prepared();
    spine.proxmox.intercept('createGuest', { loseAnswer: true });
    await spine.createService();
    await spine.world.runUntilQuiet({ until: () => spine.proxmox.guests.size > 0 });
    expect((await guest(spine)).status.task).toBeUndefined();
    await spine.world.restart();
    await spine.world.runUntilQuiet();
    expect([...spine.proxmox.guests.keys()]).toEqual([FIRST]);
    await expectGoodEnd(spine);
  });

  it.each(['lxc', 'qemu'] as const)('P3: a vmid that a stranger (%s) took in between is given up', async (type) => {
    const spine = await prepared();
    spine.proxmox.intercept('createGuest', {
      before: () => void spine.proxmox.addStranger(FIRST, { type, running: true }),
    });
    await spine.createService();
    await spine.world.runUntilQuiet();
    expect(spine.runningVmids()).toEqual([FIRST, FIRST + 1]);
    await expectGoodEnd(spine);
    expect(spine.proxmox.guests.get(FIRST)).toMatchObject({ running: true, config: { hostname: 'stranger' } });
  });

  it.each(['lxc', 'qemu'] as const)(
    'P4: a stranger (%s) at the vmid of a removed guest is left alone',
    async (type) => {
      const spine = await running();
      spine.proxmox.removeGuest(FIRST);
      spine.proxmox.addStranger(FIRST, { type, running: true });
      await spine.world.run(8_000);
      expect(spine.readyOf(await guest(spine))).toBe('False OwnerMismatch');
      await spine.world.run(60_000);
      await expectGoodEnd(spine);
      expect(spine.proxmox.guests.get(FIRST)).toMatchObject({ running: true, config: { hostname: 'stranger' } });
    },
  );

  it('P4: deleting a service whose vmid a stranger has destroys nothing', async () => {
    const spine = await running();
    spine.proxmox.removeGuest(FIRST);
    spine.proxmox.addStranger(FIRST, { running: true });
    await expectLeavesNothing(spine);
    expect(spine.proxmox.guests.get(FIRST)).toMatchObject({ running: true, config: { hostname: 'stranger' } });
    expect(callsOf(spine, 'destroyGuest')).toBe(0);
  });

  it('P5: a task that ends with an error is a failure, with its text, and is tried again with growing pauses', async () => {
    const spine = await prepared();
    spine.proxmox.planTask('vzcreate', { exit: 'command mkfs failed', times: 8 });
    await spine.createService();
    await spine.world.run(60_000);
    expect(await spine.readyMessage()).toContain('could not make guest 20000 on pve1: command mkfs failed');
    expect(callsOf(spine, 'createGuest')).toBeLessThan(9);
    await expectGoodEnd(spine);
  });

  it('P5: a start that fails for ever is not asked for all the time', async () => {
    const spine = await prepared();
    spine.proxmox.planTask('vzstart', { exit: 'startup for container failed', times: 1_000 });
    await spine.createService();
    await spine.world.run(60_000);
    expect(await spine.readyMessage()).toContain('could not start guest 20000 on pve1: startup for container failed');
    await expectCalm(spine);
    expect(callsOf(spine, 'startGuest')).toBeLessThan(20);
    await expectLeavesNothing(spine);
  });

  it('P6: a start task that fails though the guest runs is believed less than the guest', async () => {
    const spine = await prepared();
    spine.proxmox.planTask('vzstart', { exit: 'got unexpected exit code', effect: true });
    await spine.createService();
    await expectGoodEnd(spine);
    expect(callsOf(spine, 'startGuest')).toBe(1);
  });

  it.each([
    ['can’t lock file', new ProxmoxFault('busy', 'Proxmox is busy.')],
    ['CT is locked (backup)', new ProxmoxFault('locked', 'The guest is locked.', { lock: 'backup' })],
  ])('P7: a refusal because of a lock (%s) is tried again and is no failure', async (_, refuse) => {
    const spine = await prepared();
    for (const method of ['createGuest', 'configureGuest', 'startGuest'] as const)
      spine.proxmox.intercept(method, { refuse, times: 3 });
    await spine.createService();
    await expectGoodEnd(spine);
    expect(spine.world.events.filter(({ type }) => type === 'Warning').map(({ reason }) => reason)).not.toContain(
      'TaskFailed',
    );
  });

  it('P7: a task that gave up on a lock is tried again and is no failure', async () => {
    const spine = await prepared();
    const exit = `can't lock file '/run/lock/lxc/pve-config-${FIRST}.lock' - got timeout`;
    spine.proxmox.planTask('vzstart', { exit, times: 2 });
    await spine.createService();
    await expectGoodEnd(spine);
    expect(spine.world.events.map(({ reason }) => reason)).not.toContain('TaskFailed');
  });

  it('P8: a guest that may not be seen is neither missing nor made again', async () => {
    const spine = await running();
    spine.proxmox.touch(FIRST, (seen) => {
      seen.hidden = true;
    });
    await expectCalm(spine);
    expect(callsOf(spine, 'createGuest')).toBe(1);
    expect((await guest(spine)).status.vmid).toBe(FIRST);
    spine.proxmox.touch(FIRST, (seen) => {
      seen.hidden = false;
    });
    await spine.world.run(90_000);
    await expectGoodEnd(spine);
  });

  it.each([
    ['an expired token', new ProxmoxFault('unauthenticated', 'Proxmox refused the token.')],
    ['a lost connection', new ProxmoxFault('noAnswer', 'Proxmox did not answer.')],
    ['an unreachable node', new ProxmoxFault('nodeUnreachable', 'The node does not answer.')],
  ])('P9: after %s reads are repeated and changes are looked for before they are', async (_, refuse) => {
    const spine = await prepared();
    for (const method of ['guestConfig', 'task', 'resources', 'startGuest'] as const)
      spine.proxmox.intercept(method, { refuse, times: 2 });
    spine.proxmox.intercept('configureGuest', { loseAnswer: true });
    spine.proxmox.intercept('startGuest', { loseAnswer: true });
    await spine.createService();
    await spine.world.run(180_000);
    await expectGoodEnd(spine);
    expect(callsOf(spine, 'createGuest')).toBe(1);
  });

  it('P10: without quorum nothing is changed, and the service says so', async () => {
    const spine = await running(['pve1', 'pve2', 'pve3']);
    spine.proxmox.quorate = false;
    await spine.edit(Service, 'web', (spec) => ({ ...spec, restartedAt: 'now' }));
    spine.proxmox.removeGuest(FIRST);
    const before = callsOf(spine, 'createGuest');
    await spine.world.run(60_000);
    expect(await spine.readyMessage()).toContain('no quorum');
    await expectCalm(spine, 3);
    expect(callsOf(spine, 'createGuest')).toBe(before);
    const [cluster] = await spine.all(ProxmoxCluster);
    expect(cluster && spine.readyOf(cluster)).toBe('False ClusterNotQuorate');
    spine.proxmox.quorate = true;
    await spine.world.run(120_000);
    await expectGoodEnd(spine);
  });

  it('P10: a service that runs is not called down because nobody can look', async () => {
    const spine = await running(['pve1', 'pve2', 'pve3']);
    const { url } = (await spine.service()).status;
    spine.proxmox.quorate = false;
    await expectCalm(spine, 3);
    const service = await spine.service();
    expect(spine.readyOf(service)).toMatch(/^(True|Unknown) /);
    expect(service.status.url).toBe(url);
    spine.proxmox.quorate = true;
    await expectGoodEnd(spine);
  });

  it('P11: a guest that high availability restarted elsewhere is followed, not made again, not moved back', async () => {
    const spine = await running(['pve1', 'pve2', 'pve3']);
    const { node = '' } = (await guest(spine)).status;
    const other = [...spine.proxmox.nodes.keys()].find((name) => name !== node) ?? '';
    spine.proxmox.crashNode(node);
    await spine.world.run(60_000);
    expect(spine.readyOf(await guest(spine))).toBe('Unknown NodeOffline');
    expect(await spine.readyMessage()).toContain(`Node ${node} does not answer`);
    spine.proxmox.touch(FIRST, (moved) => {
      moved.node = other;
      spine.proxmox.run(moved);
    });
    await spine.world.run(60_000);
    expect((await guest(spine)).status.node).toBe(other);
    spine.proxmox.bringNodeBack(node);
    await expectGoodEnd(spine);
    expect(callsOf(spine, 'createGuest')).toBe(1);
  });

  it('P11: a task on a node that is away is waited for, and forgotten once the guest is elsewhere', async () => {
    const spine = await prepared(['pve1', 'pve2', 'pve3']);
    spine.proxmox.planTask('vzstart', { ms: Infinity });
    await spine.createService();
    await spine.world.runUntilQuiet({ until: () => callsOf(spine, 'startGuest') === 1 });
    await spine.world.run(5_000);
    const { node = '', task } = (await guest(spine)).status;
    expect(task?.type).toBe('start');
    const other = [...spine.proxmox.nodes.keys()].find((name) => name !== node) ?? '';
    spine.proxmox.crashNode(node);
    await expectCalm(spine, 2);
    expect(await spine.readyMessage()).toContain(`Node ${node} does not answer`);
    spine.proxmox.touch(FIRST, (moved) => {
      moved.node = other;
    });
    await spine.world.run(60_000);
    expect((await guest(spine)).status.node).toBe(other);
    spine.proxmox.bringNodeBack(node);
    await expectGoodEnd(spine);
    expect(callsOf(spine, 'createGuest')).toBe(1);
  });

  it('P11: an archive on a node that is away is removed once the node is back', async () => {
    const spine = await prepared(['pve1', 'pve2', 'pve3']);
    await spine.createService('web', { replicas: 3 });
    await spine.world.runUntilQuiet();
    await spine.edit(Service, 'web', (spec) => ({ ...spec, replicas: 1 }));
    await spine.world.runUntilQuiet();
    const { node } = (await guest(spine)).status;
    const other = [...spine.proxmox.nodes.keys()].find((name) => name !== node) ?? '';
    spine.proxmox.isolateNode(other);
    await spine.deleteService();
    await spine.world.runUntilQuiet();
    expect(await spine.all(Service)).toEqual([]);
    expect(spine.proxmox.storages.get('local')?.archives(other)).toHaveLength(1);
    spine.proxmox.bringNodeBack(other);
    await spine.world.run(40 * 60_000);
    await expectNothingLeft(spine);
  });

  it('P11: a guest whose node went away before anything was asked of it is made elsewhere', async () => {
    const spine = await prepared(['pve1', 'pve2', 'pve3']);
    spine.proxmox.planTask('imgcopy', { ms: 60_000 });
    await spine.createService();
    await spine.world.run(20_000);
    const { node = '' } = (await guest(spine)).status;
    spine.proxmox.isolateNode(node);
    await spine.world.run(120_000);
    expect((await guest(spine)).status.node).not.toBe(node);
    await expectAtRest(spine, 1);
    spine.proxmox.bringNodeBack(node);
    await spine.world.run(20 * 60_000);
    await expectGoodEnd(spine);
  });

  it('P12: a guest on a node that is away is not taken for missing', async () => {
    const spine = await running(['pve1', 'pve2', 'pve3']);
    const { node = '' } = (await guest(spine)).status;
    spine.proxmox.isolateNode(node);
    await expectCalm(spine, 10);
    expect(callsOf(spine, 'createGuest')).toBe(1);
    spine.proxmox.bringNodeBack(node);
    await expectGoodEnd(spine);
  });

  it('P13: a full storage holds up those that need it and nobody else', async () => {
    const spine = await running();
    const lvm = spine.proxmox.storages.get('local-lvm');
    if (!lvm) throw new Error('The fake has a storage local-lvm.');
    lvm.totalBytes = lvm.usedBytes;
    await spine.createService('second');
    await spine.world.run(30_000);
    expect(await spine.readyMessage('second')).toMatch(/insufficient free space. Free space/);
    spine.proxmox.exitGuest(FIRST);
    await spine.world.run(30_000);
    expect(spine.runningVmids()).toEqual([FIRST]);
    await expectCalm(spine, 3);
    await spine.deleteService('second');
    await expectGoodEnd(spine);
  });

  it('P14: a guest without an address is waited for until the deadline, and not made again', async () => {
    const spine = await prepared(['pve1'], { network: { addressing: 'dhcp', bridge: 'vmbr0' } });
    spine.proxmox.intercept('startGuest', {
      before: () =>
        spine.proxmox.touch(FIRST, (made) => {
          made.withoutAddress = true;
        }),
    });
    await spine.createService();
    await spine.world.run(60_000);
    expect(spine.readyOf(await guest(spine))).toBe('False AddressPending');
    expect(await spine.readyMessage()).toMatch(/no address yet. Check that DHCP answers/);
    await expectCalm(spine, 3);
    expect(callsOf(spine, 'createGuest')).toBe(1);
    await spine.world.run(20 * 60_000);
    expect(spine.readyOf(await spine.service())).toBe('False DeploymentFailed');
    await expectLeavesNothing(spine);
  });

  it('P15: a lock that is held for hours is waited for, with its name', async () => {
    const spine = await running();
    spine.proxmox.touch(FIRST, (locked) => {
      locked.running = false;
      locked.lock = 'backup';
    });
    await spine.world.run(30_000);
    expect(await spine.readyMessage()).toContain('locked guest 20000 (backup)');
    await expectCalm(spine, 60);
    spine.proxmox.touch(FIRST, (locked) => {
      locked.lock = undefined;
    });
    await spine.world.run(60_000);
    await expectGoodEnd(spine);
  });

  it('P15: a deletion waits for a lock and says so', async () => {
    const spine = await running();
    spine.proxmox.touch(FIRST, (locked) => {
      locked.lock = 'backup';
    });
    await spine.deleteService();
    await expectCalm(spine, 30);
    const reconciling = (await spine.service()).status.conditions.find(({ type }) => type === 'Reconciling');
    expect(reconciling?.message).toContain('locked by Proxmox (backup)');
    spine.proxmox.touch(FIRST, (locked) => {
      locked.lock = undefined;
    });
    await spine.world.runUntilQuiet();
    expect(spine.proxmox.guests.size).toBe(0);
    expect(await spine.all(Service)).toEqual([]);
  });

  it('P17: a node that answers nothing costs the guests on other nodes nothing', async () => {
    const spine = await prepared(['pve1', 'pve2']);
    await spine.createService('web', { replicas: 2 });
    await spine.world.runUntilQuiet();
    await expectAtRest(spine, 2);
    spine.proxmox.isolateNode('pve1');
    const onOther = [...spine.proxmox.guests.values()].find(({ node }) => node === 'pve2');
    if (!onOther) throw new Error('Two replicas should be on two nodes.');
    spine.proxmox.exitGuest(onOther.vmid);
    await spine.world.run(15_000);
    expect(onOther.running).toBe(true);
    await expectCalm(spine);
    spine.proxmox.bringNodeBack('pve1');
    await spine.world.runUntilQuiet();
    await expectAtRest(spine, 2);
    await expectLeavesNothing(spine);
  });

  it('P18: tags or description that a hand removes come back; without both the guest is left alone', async () => {
    const spine = await running();
    spine.proxmox.touch(FIRST, ({ config }) => {
      config.tags = ['mine'];
    });
    await spine.world.run(30_000);
    expect(spine.proxmox.guests.get(FIRST)?.config.tags).toEqual(expect.arrayContaining(['containr', 'mine']));
    const { tags = [] } = spine.proxmox.guests.get(FIRST)?.config ?? {};
    spine.proxmox.touch(FIRST, ({ config }) => {
      config.tags = [];
      config.description = undefined;
    });
    await spine.world.run(60_000);
    expect(spine.readyOf(await guest(spine))).toBe('False IdentityMissing');
    expect(await spine.readyMessage()).toMatch(/Put them back: pct set 20000 --tags/);
    await expectCalm(spine);
    expect(spine.proxmox.guests.get(FIRST)).toMatchObject({ running: true, config: { tags: [] } });
    spine.proxmox.touch(FIRST, ({ config }) => {
      config.tags = tags;
    });
    await spine.world.run(60_000);
    await expectGoodEnd(spine);
    expect(callsOf(spine, 'createGuest')).toBe(1);
  });

  it('P19: a guest that moves in the middle of a change is found where it is', async () => {
    const spine = await prepared(['pve1', 'pve2']);
    spine.proxmox.intercept('configureGuest', {
      before: () =>
        spine.proxmox.touch(FIRST, (moved) => {
          moved.node = moved.node === 'pve1' ? 'pve2' : 'pve1';
        }),
    });
    await spine.createService();
    await expectGoodEnd(spine);
    expect(callsOf(spine, 'createGuest')).toBe(1);
  });

  it('P20: a right that the token lacks is named once and not asked for all the time', async () => {
    const spine = await prepared();
    const refuse = new ProxmoxFault(
      'forbidden',
      'Proxmox refused to start guest. Give the token VM.PowerMgmt on /vms.',
    );
    spine.proxmox.intercept('startGuest', { refuse, times: 4 });
    await spine.createService();
    await spine.world.run(60_000);
    expect(await spine.readyMessage()).toContain('Give the token VM.PowerMgmt on /vms');
    await expectCalm(spine, 2);
    await spine.world.run(5 * 60_000);
    await expectGoodEnd(spine);
  });
});
