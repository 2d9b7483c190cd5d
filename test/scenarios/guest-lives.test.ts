import { afterEach, describe, expect, it } from 'vitest';
import { Guest } from '../../crds/guest.ts';
import { Secret } from '../../crds/secret.ts';
import { Volume } from '../../crds/volume.ts';
import { GuestWorld } from './guest-world.ts';

const worlds: GuestWorld[] = [];
const FIRST = 20_000;
const once = { process: { command: ['/migrate'], restart: 'Never' } };

async function prepared(options: ConstructorParameters<typeof GuestWorld>[0] = {}, cluster = {}): Promise<GuestWorld> {
  const guests = new GuestWorld(options);
  worlds.push(guests);
  await guests.prepare(cluster);
  return guests;
}

async function statusOf(guests: GuestWorld, name: string): Promise<Guest['status']> {
  return (await guests.get(Guest, name)).status;
}

afterEach(() => {
  for (const guests of worlds.splice(0)) guests.dispose();
});

describe('a guest that is held', () => {
  const hold = (held: boolean) => (spec: Guest['spec']) => ({ ...spec, hold: held });

  it('is ready with its process not started, and is released without being started anew', async () => {
    const guests = await prepared();
    guests.supervisors.set('trial', { process: 'held' });
    await guests.createGuest('trial', { hold: true });
    await guests.world.runUntilQuiet();
    expect(await guests.ready('trial')).toMatch(/^True Held/);
    expect(await statusOf(guests, 'trial')).not.toHaveProperty('healthy');
    guests.supervisors.set('trial', {});
    await guests.edit(Guest, 'trial', hold(false));
    await guests.world.runUntilQuiet();
    expect(await guests.ready('trial')).toMatch(/^True Healthy/);
    expect(guests.proxmox.calls.get('startGuest')).toBe(1);
    guests.supervisors.set('trial', { process: 'held' });
    await guests.edit(Guest, 'trial', hold(true));
    await guests.world.runUntilQuiet();
    expect(await guests.ready('trial')).toMatch(/^True Held/);
    expect(guests.proxmox.calls.get('startGuest')).toBe(2);
  });

  it('is not started anew for another command that it may be asked to run', async () => {
    const guests = await prepared();
    await guests.createGuest('app', {});
    await guests.world.runUntilQuiet();
    const before = guests.proxmox.guests.get(FIRST)?.config.env;
    const commands = [{ name: 'dump', argv: ['/bin/dump'] }];
    await guests.edit(Guest, 'app', (spec) => ({ ...spec, commands }));
    await guests.world.runUntilQuiet();
    expect(guests.proxmox.guests.get(FIRST)?.config.env).not.toEqual(before);
    expect(await guests.ready('app')).toMatch(/^True Healthy/);
    expect(guests.proxmox.calls.get('startGuest')).toBe(1);
  });
});

describe('a guest whose process runs once', () => {
  async function running(restart = 'Never'): Promise<GuestWorld> {
    const guests = await prepared();
    await guests.createGuest('run', { process: { command: ['/migrate'], restart } });
    await guests.world.runUntilQuiet();
    expect(await guests.ready('run')).toMatch(/^True Healthy/);
    return guests;
  }

  it.each([
    [{ code: 0 }, 'False Finished: The process ended with code 0.'],
    [{ code: 3 }, 'False Finished: The process ended with code 3.'],
    [{ signal: 9 }, 'False Finished: The process was ended by signal 9.'],
  ])('says how it ended (%j), is stopped, and is not started again', async (exit, said) => {
    const guests = await running();
    await guests.say('run', { process: 'finished', lastExit: { ...exit, at: guests.clock.now() } });
    await guests.world.run(600_000);
    expect(await guests.ready('run')).toBe(said);
    expect(await statusOf(guests, 'run')).toMatchObject({ finished: true, lastExit: exit, crashes: 0, restarts: 0 });
    expect(guests.proxmox.guests.get(FIRST)?.running).toBe(false);
    expect(guests.proxmox.calls.get('startGuest')).toBe(1);
    await guests.delete(Guest, 'run');
    await guests.world.runUntilQuiet();
    expect(guests.proxmox.guests.size).toBe(0);
  });

  it('does not start with its node', async () => {
    const guests = await running();
    expect(guests.proxmox.guests.get(FIRST)?.config.onboot).toBe(false);
    guests.proxmox.crashNode('pve1');
    await guests.world.run(20_000);
    guests.proxmox.bringNodeBack('pve1', { booted: true });
    await guests.world.run(120_000);
    expect(guests.proxmox.guests.get(FIRST)?.running).toBe(false);
    expect(await guests.ready('run')).toMatch(/^False Finished: .*not known/);
  });

  it.each([
    ['stopped', (guests: GuestWorld) => guests.proxmox.exitGuest(FIRST)],
    ['removed', (guests: GuestWorld) => guests.proxmox.removeGuest(FIRST)],
  ])('is never taken for a success when it is %s and nobody heard how it ended', async (_, harm) => {
    const guests = await running();
    harm(guests);
    await guests.world.run(600_000);
    const { finished, lastExit } = await statusOf(guests, 'run');
    expect(finished).toBe(true);
    expect(lastExit).toEqual({ at: expect.any(String) });
    expect(guests.proxmox.calls.get('startGuest')).toBe(1);
    expect(guests.proxmox.calls.get('createGuest')).toBe(1);
  });

  it('tells how it ended though the controller was away then', async () => {
    const guests = await running();
    await guests.world.restart();
    guests.supervisors.set('run', { process: 'finished', lastExit: { code: 7, at: guests.clock.now() } });
    await guests.world.run(60_000);
    expect(await guests.ready('run')).toBe('False Finished: The process ended with code 7.');
  });

  it('tells what was heard last when the guest was stopped before it could say that it is finished', async () => {
    const guests = await running();
    await guests.say('run', { process: 'starting', lastExit: { code: 0, at: guests.clock.now() } });
    await guests.world.run(5_000);
    await guests.world.restart();
    guests.proxmox.exitGuest(FIRST);
    await guests.world.run(60_000);
    expect((await statusOf(guests, 'run')).lastExit).toMatchObject({ code: 0 });
  });

  it('runs again after a failure, and not after a success, when it is told to', async () => {
    const guests = await running('OnFailure');
    guests.proxmox.exitGuest(FIRST);
    await guests.world.run(60_000);
    expect(guests.proxmox.guests.get(FIRST)?.running).toBe(true);
    await guests.say('run', { process: 'finished', lastExit: { code: 0, at: guests.clock.now() } });
    await guests.world.run(60_000);
    expect(await statusOf(guests, 'run')).toMatchObject({ finished: true, lastExit: { code: 0 } });
    expect(guests.proxmox.guests.get(FIRST)?.running).toBe(false);
  });

  it('is started when the start that was asked for never happened', async () => {
    const guests = await prepared();
    guests.proxmox.planTask('vzstart', { exit: 'startup for container failed', times: 2 });
    await guests.createGuest('run', once);
    await guests.world.runUntilQuiet({ until: () => (guests.proxmox.calls.get('startGuest') ?? 0) === 1 });
    await guests.world.restart();
    await guests.world.run(60_000);
    expect(await guests.ready('run')).toMatch(/^True Healthy/);
  });
});

describe('a guest with a volume', () => {
  const mounts = [{ volume: 'data', mountPath: '/var/lib/data' }];

  async function withVolume(): Promise<GuestWorld> {
    const guests = await prepared();
    await guests.create(Volume, 'data', { guest: 'db-1' }, 'shop');
    await guests.createGuest('db-1', { mounts });
    await guests.world.runUntilQuiet();
    expect(await guests.ready('db-1')).toMatch(/^True/);
    return guests;
  }

  it('is made, waits for the volume, and then starts with it', async () => {
    const guests = await prepared();
    await guests.createGuest('db-1', { mounts });
    await guests.world.run(30_000);
    expect(await guests.ready('db-1')).toBe('False WaitingForVolume: Volume data does not exist yet.');
    expect(guests.proxmox.guests.size).toBe(0);
    await guests.create(Volume, 'data', {}, 'shop');
    await guests.world.run(30_000);
    expect(await guests.ready('db-1')).toMatch(/^False WaitingForVolume: Volume data is not attached yet/);
    expect(guests.proxmox.guests.get(FIRST)?.running).toBe(false);
    await guests.edit(Volume, 'data', (spec) => ({ ...spec, guest: 'db-1' }));
    await guests.world.runUntilQuiet();
    expect(await guests.ready('db-1')).toMatch(/^True/);
    expect(guests.proxmox.guests.get(FIRST)).toMatchObject({
      running: true,
      config: { mounts: { mp0: expect.stringContaining('mp=/var/lib/data') } },
    });
  });

  it('keeps its disks whatever else is corrected', async () => {
    const guests = await withVolume();
    const before = guests.proxmox.guests.get(FIRST)?.config.mounts;
    guests.proxmox.touch(FIRST, (guest) => {
      guest.config.memoryMiB = 64;
    });
    await guests.world.run(60_000);
    expect(guests.proxmox.guests.get(FIRST)?.config).toMatchObject({ memoryMiB: 512, mounts: before });
  });

  it('is stopped and kept when it is deleted, until the volume has moved on', async () => {
    const guests = await withVolume();
    const destroyed: (readonly string[])[] = [];
    const destroy = guests.proxmox.destroyGuest.bind(guests.proxmox);
    guests.proxmox.destroyGuest = async (node, vmid, signal) => {
      const { mounts: had = {}, unused = {} } = guests.proxmox.guests.get(vmid)?.config ?? {};
      destroyed.push([...Object.keys(had), ...Object.keys(unused)]);
      return destroy(node, vmid, signal);
    };
    await guests.createGuest('db-2', { mounts });
    await guests.edit(Volume, 'data', (spec) => ({ ...spec, guest: 'db-2' }));
    await guests.delete(Guest, 'db-1');
    await guests.world.runUntilQuiet();
    expect(await guests.ready('db-2')).toMatch(/^True/);
    expect((await guests.get(Volume, 'data')).status.attachedTo).toBe('db-2');
    expect(destroyed).toEqual([[]]);
  });

  it('is not destroyed with a disk of no Volume, says so before it is deleted and what to do after', async () => {
    const guests = await prepared();
    await guests.createGuest('web');
    await guests.world.runUntilQuiet();
    guests.proxmox.touch(FIRST, ({ config }) => {
      config.mounts = { mp3: 'local-lvm:vm-20000-disk-7,mp=/photos,size=8G' };
    });
    await guests.world.run(60_000);
    const { status } = await guests.get(Guest, 'web');
    expect(status.conditions.find(({ type }) => type === 'DisksKnown')).toMatchObject({
      status: 'False',
      reason: 'DiskUnknown',
      message: expect.stringContaining('mp3 (local-lvm:vm-20000-disk-7)'),
    });
    expect(guests.proxmox.guests.get(FIRST)?.config.mounts).toHaveProperty('mp3');
    await guests.delete(Guest, 'web');
    await guests.world.run(120_000);
    expect(guests.proxmox.guests.get(FIRST)).toMatchObject({ running: false });
    const stalled = (await guests.get(Guest, 'web')).status.conditions.find(({ type }) => type === 'Stalled');
    expect(stalled).toMatchObject({ status: 'True', reason: 'DiskUnknown' });
    expect(stalled?.message).toContain('pct set 20000 --delete mp3');
    expect(guests.proxmox.calls.get('destroyGuest')).toBeUndefined();
    guests.proxmox.touch(FIRST, ({ config }) => {
      config.mounts = {};
    });
    await guests.world.run(120_000);
    expect(guests.proxmox.guests.size).toBe(0);
  });

  it('is not destroyed with a disk that it has and does not use', async () => {
    const guests = await prepared();
    await guests.createGuest('web');
    await guests.world.runUntilQuiet();
    await guests.delete(Guest, 'web');
    // Just before it would be destroyed.
    await guests.world.runUntilQuiet({ until: () => guests.proxmox.guests.get(FIRST)?.running === false });
    guests.proxmox.touch(FIRST, ({ config }) => {
      config.unused = { unused0: 'local-lvm:vm-20000-disk-9' };
    });
    await guests.world.run(120_000);
    expect(guests.proxmox.guests.get(FIRST)?.config.unused).toHaveProperty('unused0');
    expect(guests.proxmox.calls.get('destroyGuest')).toBeUndefined();
  });
});

describe('the environment of a guest', () => {
  const env = [{ name: 'TOKEN', valueFrom: { secretRef: { name: 'app', key: 'token' } } }];

  function config(guests: GuestWorld): readonly string[] {
    return guests.proxmox.guests.get(FIRST)?.config.env ?? [];
  }

  it('holds up the guest while a reference leads nowhere, and says which', async () => {
    const guests = await prepared();
    await guests.createGuest('web', { env });
    await guests.world.run(60_000);
    expect(await guests.ready('web')).toBe('False ConfigMissing: env TOKEN: There is no key "token" in app.');
    expect(guests.proxmox.guests.size).toBe(0);
    guests.secrets.set('app/token', 'one');
    await guests.world.run(60_000);
    expect(await guests.ready('web')).toMatch(/^True/);
  });

  it('takes a new value with the next start, and neither restarts nor stops a guest that runs for it', async () => {
    const guests = await prepared();
    guests.secrets.set('app/token', 'one');
    await guests.createGuest('web', { env });
    await guests.world.runUntilQuiet();
    const before = config(guests);
    guests.secrets.set('app/token', 'two');
    await guests.create(Secret, 'app', { data: {} }, 'shop');
    await guests.world.run(60_000);
    expect(config(guests)).not.toEqual(before);
    expect(guests.proxmox.guests.get(FIRST)?.startedWith?.env).toEqual(before);
    expect(guests.world.events.map(({ reason }) => reason)).not.toContain('DriftCorrected');
    guests.secrets.delete('app/token');
    await guests.world.run(600_000);
    expect(await guests.ready('web')).toMatch(/^True/);
    const { status } = await guests.get(Guest, 'web');
    expect(status.conditions.find(({ type }) => type === 'Configured')).toMatchObject({
      status: 'False',
      reason: 'ConfigMissing',
    });
    expect(guests.proxmox.guests.get(FIRST)?.startedWith?.env).toEqual(before);
  });
});

describe('a guest that is unhealthy', () => {
  const healthCheck = { tcp: { port: 80 }, restartAfter: '5m' };

  async function unhealthy(check: Record<string, unknown>): Promise<GuestWorld> {
    const guests = await prepared();
    await guests.createGuest('web', { healthCheck: check });
    await guests.world.runUntilQuiet();
    await guests.world.run(120_000);
    guests.health = { healthy: false, why: 'nothing listens there' };
    await guests.say('web', {});
    return guests;
  }

  it('leaves the traffic at once, and is restarted after its time, more rarely each time', async () => {
    const guests = await unhealthy(healthCheck);
    await guests.world.run(100);
    expect(await guests.ready('web')).toBe('False Unhealthy: The health check fails: nothing listens there');
    await guests.world.run(4 * 60_000);
    expect(guests.proxmox.calls.get('startGuest')).toBe(1);
    await guests.world.run(2 * 60_000);
    expect(guests.proxmox.calls.get('startGuest')).toBe(2);
    await guests.world.run(2 * 3_600_000);
    expect(guests.proxmox.calls.get('startGuest')).toBeLessThan(7);
    guests.health = { healthy: true };
    await guests.say('web', {});
    await guests.world.run(120_000);
    expect(await guests.ready('web')).toMatch(/^True/);
  });

  it('is left running when nobody asked for a restart', async () => {
    const guests = await unhealthy({ tcp: { port: 80 } });
    await guests.world.run(3_600_000);
    expect(guests.proxmox.calls.get('startGuest')).toBe(1);
    expect(await guests.ready('web')).toMatch(/^False Unhealthy/);
  });
});

describe('placing guests', () => {
  it('says that virtual machines are not offered', async () => {
    const guests = await prepared();
    await guests.createGuest('vm', { runtime: 'vm' });
    await guests.world.runUntilQuiet();
    const { status } = await guests.get(Guest, 'vm');
    expect(status.conditions.find(({ type }) => type === 'Stalled')).toMatchObject({
      status: 'True',
      reason: 'UnsupportedSpec',
    });
    expect(status.vmid).toBeUndefined();
  });

  it('spreads replicas that come all at once, and gives none more than a node has', async () => {
    const guests = await prepared({ nodes: ['pve1', 'pve2', 'pve3'] });
    for (let index = 0; index < 7; index += 1)
      await guests.createGuest(`web-${index}`, { spreadKey: 'shop/web', resources: { memory: '12Gi' } });
    await guests.world.run(60_000);
    const count = (node: string) => [...guests.proxmox.guests.values()].filter((guest) => guest.node === node).length;
    expect(['pve1', 'pve2', 'pve3'].map(count)).toEqual([2, 2, 2]);
    const said = await Promise.all([0, 1, 2, 3, 4, 5, 6].map((index) => guests.ready(`web-${index}`)));
    const waiting = said.filter((text) => text.startsWith('False Unschedulable'));
    expect(waiting).toEqual([expect.stringMatching(/pve1: not enough free memory.*pve2: .*pve3: /)]);
  });

  it('goes where its volume is, and says so when it cannot', async () => {
    const guests = await prepared({ nodes: ['pve1', 'pve2'] });
    const mounts = [{ volume: 'data', mountPath: '/data' }];
    await guests.create(Volume, 'data', { guest: 'db-1' }, 'shop');
    await guests.createGuest('db-1', { mounts, nodes: ['pve2'] });
    await guests.world.runUntilQuiet();
    await guests.createGuest('db-2', { mounts });
    await guests.createGuest('db-3', { mounts, nodes: ['pve1'] });
    await guests.world.run(30_000);
    expect((await statusOf(guests, 'db-2')).node).toBe('pve2');
    expect(await guests.ready('db-3')).toContain('pve1: volume data is on pve2');
  });
});
