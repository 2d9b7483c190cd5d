import { expect } from 'vitest';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Guest } from '../../crds/guest.ts';
import { Volume } from '../../crds/volume.ts';
import { parseMount } from '../../reconcilers/providers/proxmox/mount.ts';
import type { FakeVolume } from '../../reconcilers/providers/proxmox/fake-storage.ts';
import { SpineWorld } from './spine-world.ts';

const USER = { manager: 'containr-cli', user: 'test' };
const DIGEST = `sha256:${'a'.repeat(64)}`;
const IMAGE = { digest: DIGEST, imageDigest: `sha256:${'b'.repeat(64)}`, image: 'shop/web:1', architecture: 'amd64' };
const PROCESS = { command: ['/app'], env: [], workingDir: '', user: '', stopSignal: '' };

/** What a guest writes on its volume, for tests to find again. */
export const MARKER = 'written by the first guest';

/** The spine with guests that mount volumes, made by hand as revisions make them. */
export class VolumeWorld extends SpineWorld {
  async begin(): Promise<void> {
    await this.prepare({ builder: false });
    const path = join(this.workDir, 'archive.tar');
    await writeFile(path, 'archive');
    await this.artifacts.put(path, DIGEST);
  }

  /** A guest that mounts the volumes named. */
  async addGuest(name: string, volumes: readonly string[] = ['data']): Promise<void> {
    await this.create(
      Guest,
      name,
      {
        hostname: name,
        artifact: { ...IMAGE, sizeBytes: 7, process: PROCESS, exposedPorts: [] },
        process: { command: ['/app'] },
        mounts: volumes.map((volume) => ({ volume, mountPath: `/${volume}` })),
      },
      'shop',
    );
  }

  async addVolume(spec: Record<string, unknown> = {}, name = 'data'): Promise<void> {
    await this.create(Volume, name, { size: '1Gi', ...spec }, 'shop');
  }

  /** Gives the volume to a guest, or to none. */
  async give(guest: string | undefined, name = 'data'): Promise<void> {
    await this.edit(Volume, name, (spec) => {
      delete spec.guest;
      return guest === undefined ? spec : { ...spec, guest };
    });
  }

  async drop(kind: typeof Guest | typeof Volume, name: string): Promise<void> {
    if (kind === Guest) await this.store.delete(Guest, { namespace: 'shop', name }, USER);
    else await this.store.delete(Volume, { namespace: 'shop', name }, USER);
  }

  async volume(name = 'data'): Promise<Volume> {
    const volume = await this.store.get(Volume, { namespace: 'shop', name });
    if (!volume) throw new Error(`There is no Volume ${name}.`);
    return volume;
  }

  async guest(name: string): Promise<Guest> {
    const guest = await this.store.get(Guest, { namespace: 'shop', name });
    if (!guest) throw new Error(`There is no Guest ${name}.`);
    return guest;
  }

  /** The volume that the config of a guest on Proxmox has at a path. */
  diskAt(vmid: number | undefined, path = '/data'): FakeVolume | undefined {
    const mounts = Object.values(this.proxmox.guests.get(vmid ?? 0)?.config.mounts ?? {}).map(parseMount);
    const mount = mounts.find((candidate) => candidate.path === path);
    return mount && this.proxmox.volume(mount.volume);
  }

  /** Every volume on the storages, with the vmid in its name. */
  disks(): FakeVolume[] {
    return [...this.proxmox.storages.values()].flatMap((storage) => [...storage.volumes()]);
  }

  /** The guest runs and has the volume, which is the only one; nobody else is on Proxmox. */
  async expectServing(name: string, content = MARKER): Promise<void> {
    const { status } = await this.guest(name);
    expect(this.diskAt(status.vmid)).toMatchObject({ vmid: status.vmid, content });
    expect(this.disks()).toHaveLength(1);
    expect([...this.proxmox.guests.keys()]).toEqual([status.vmid]);
    expect(this.runningVmids()).toEqual([status.vmid]);
    expect(this.readyOf(await this.volume())).toBe('True VolumeAttached');
  }
}
