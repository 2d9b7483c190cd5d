import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { GuestMachine } from '../engine/engine.ts';
import { busyboxLayer, busyboxPath, writeImage } from './archive-fixture.ts';
import { lxcAvailability } from './availability.ts';
import { createLxcEngine, type LxcEngine } from './lxc-engine.ts';
import { commandLine } from './process-status.ts';

/** Why real containers cannot be tested on this machine, printed once; undefined when they can. */
export async function engineTestObstacle(): Promise<string | undefined> {
  const availability = await lxcAvailability();
  const missing = existsSync(busyboxPath) ? undefined : `${busyboxPath} is missing (apt-get install busybox-static).`;
  const reason = availability.available ? missing : availability.reason;
  if (reason !== undefined) console.log(`Tests with real containers are skipped: ${reason}`);
  return reason;
}

/** An engine with a folder of its own, and busybox guests in it. */
export class EngineFixture {
  readonly folder: string;
  readonly engine: LxcEngine;
  readonly exits: number[] = [];

  constructor(folder: string, engine: LxcEngine) {
    this.folder = folder;
    this.engine = engine;
    engine.onExit((vmid) => this.exits.push(vmid));
  }

  static async create(folder?: string): Promise<EngineFixture> {
    const place = folder ?? (await mkdtemp(join(tmpdir(), 'lxc-engine-')));
    return new EngineFixture(place, await createLxcEngine({ stateDir: join(place, 'state') }));
  }

  /** A guest made of busybox that runs a shell script, or what `changes` say. Its root file system is unpacked. */
  async guest(vmid: number, script: string, changes: Partial<GuestMachine> = {}): Promise<GuestMachine> {
    const machine = busyboxMachine(this.folder, vmid, script, changes);
    if (!existsSync(machine.rootfs)) {
      const archive = join(this.folder, 'busybox.tar');
      if (!existsSync(archive)) await writeImage(archive, { layers: [busyboxLayer(applets)] });
      await mkdir(machine.rootfs, { recursive: true });
      await this.engine.unpack({ path: archive, format: 'oci' }, machine.rootfs);
    }
    return machine;
  }

  /** Waits until the guest has written a file and returns it. Scripts write with `put NAME`, which is atomic. */
  async output({ rootfs }: GuestMachine, name: string): Promise<string> {
    await until(() => existsSync(join(rootfs, name)));
    return readFile(join(rootfs, name), 'utf8');
  }

  async close(): Promise<void> {
    await this.engine.close({ stopGuests: true });
    await rm(this.folder, { recursive: true, force: true });
  }
}

const applets = [
  'sh',
  'sleep',
  'cat',
  'env',
  'nc',
  'httpd',
  'wget',
  'dd',
  'mv',
  'ls',
  'id',
  'touch',
  'mount',
  'mknod',
  'reboot',
];

/** A guest whose process 1 is busybox's shell; `put NAME` in the script saves what it reads as /NAME. */
export function busyboxMachine(
  folder: string,
  vmid: number,
  script: string,
  changes: Partial<GuestMachine> = {},
): GuestMachine {
  return {
    node: 'pve1',
    vmid,
    hostname: `guest-${vmid}`,
    rootfs: join(folder, 'guests', String(vmid), 'rootfs'),
    entrypoint: ['sh', '-c', `put() { cat > /$1.new; mv /$1.new /$1; }\n${script}`],
    env: ['PATH=/bin'],
    uid: 0,
    gid: 0,
    cwd: '/',
    haltSignal: 'SIGTERM',
    memoryMiB: 64,
    swapMiB: 0,
    cpuLimit: 0,
    cores: 1,
    unmanaged: true,
    nics: [],
    mounts: [],
    exposedPorts: [],
    ...changes,
  };
}

/** Waits for something that takes moments; throws after half a minute. */
export async function until(claim: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (!(await claim())) {
    if (performance.now() > deadline) throw new Error(`waited 30 s in vain for: ${String(claim)}`);
    await sleep(10);
  }
}

/** Everything outside its folder that shows an instance was here; empty when it left nothing. */
export function leftovers(instance: string): string[] {
  const links = readdirSync('/sys/class/net').filter(
    (name) => name.startsWith(`ct${instance}`) || name === `ctbr-${instance}`,
  );
  const cgroups = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter((line) => line.includes(' - cgroup'))
    .map((line) => join(line.split(' ')[4] ?? '', `ct${instance}`))
    .filter((folder) => existsSync(folder));
  const mounts = readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .filter((line) => line.includes('/run/lxc'));
  const processes = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => commandLine(Number(pid)))
    .filter((command) => command.includes(`ct${instance}-`));
  return [...links, ...cgroups, ...mounts, ...processes];
}
