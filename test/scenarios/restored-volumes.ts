import { expect } from 'vitest';
import { Backup } from '../../crds/backup.ts';
import { Volume } from '../../crds/volume.ts';
import type { FakeBackup } from '../../reconcilers/providers/proxmox/fake-backups.ts';
import { VolumeWorld } from './volume-world.ts';

export const RESTORED = 'what the backup has';
export const VOLID = 'local:backup/vzdump-lxc-19999-2026_01_01-03_00_00.tar.zst';

/** Volumes with a backup of a guest that is long gone: two disks, and a config that would do harm. */
export class RestoredVolumes extends VolumeWorld {
  async beginWithBackup(status: Record<string, unknown> = {}): Promise<void> {
    await this.begin();
    this.keepArchive();
    await this.create(Backup, 'monday', { source: { kind: 'Volume', name: 'gone' } }, 'shop');
    await this.say({
      phase: 'Completed',
      cluster: 'home',
      node: 'pve1',
      storage: 'local',
      volid: VOLID,
      origin: { uid: 'gone', region: 'default', size: '2Gi', mountPath: '/data' },
      ...status,
    });
  }

  async say(status: Record<string, unknown>): Promise<void> {
    const backup = await this.store.get(Backup, { namespace: 'shop', name: 'monday' });
    if (!backup) throw new Error('There is no Backup monday.');
    await this.store.updateStatus(
      Backup,
      { ...backup, status: Backup.statusSchema.parse({ ...backup.status, ...status }) },
      { manager: 'test' },
    );
  }

  keepArchive(over: Partial<FakeBackup> = {}): void {
    const disk = (n: number, path: string) => `local-lvm:vm-19999-disk-${n},mp=${path},backup=1,size=${n}G`;
    const stranger = this.proxmox.addStranger(19_999, {
      rootfs: 'local-lvm:vm-19999-disk-0,size=2G',
      mounts: { mp0: disk(1, '/cache'), mp1: disk(2, '/data') },
      entrypoint: '/bin/evil',
      env: ['CONTAINR_CONFIG=secret'],
      tags: ['containr', 'containr-g-another'],
      nets: { net0: 'name=eth0,bridge=vmbr0,ip=10.40.0.50/24' },
      onboot: true,
      protection: true,
    });
    const { config } = stranger;
    this.proxmox.removeGuest(19_999);
    this.proxmox.storages.get('local')?.keepBackup({
      volid: VOLID,
      node: 'pve1',
      vmid: 19_999,
      sizeBytes: 1_000,
      createdSeconds: 0,
      notes: '',
      protected: false,
      config,
      rootBytes: 2 ** 31,
      volumes: new Map([
        ['mp0', { bytes: 2 ** 30, content: 'a cache' }],
        ['mp1', { bytes: 2 ** 31, content: RESTORED }],
      ]),
      isDamaged: false,
      ...over,
    });
  }

  /** The one disk there is stands on a keeper that nothing of the backed-up guest lives on in. */
  async expectParked(name = 'data'): Promise<void> {
    const { status } = await this.volume(name);
    expect(this.readyOf(await this.volume(name))).toBe('True VolumeParked');
    expect(this.diskAt(status.vmid)).toMatchObject({ content: RESTORED, vmid: status.keeperVmid });
    expect([...this.proxmox.guests.keys()]).toEqual([status.keeperVmid]);
    const keeper = this.proxmox.guests.get(status.keeperVmid ?? 0);
    expect(keeper).toMatchObject({ running: false });
    expect(keeper?.config).toMatchObject({ nets: {}, onboot: false, protection: false, entrypoint: '/never/started' });
    expect(keeper?.config.env.join()).not.toContain('secret');
    expect(this.disks()).toHaveLength(1);
  }

  /** Nothing is left of it, on the cluster or in the store. */
  async expectNothing(): Promise<void> {
    expect(await this.all(Volume)).toEqual([]);
    expect([...this.proxmox.guests.keys()]).toEqual([]);
    expect(this.disks()).toEqual([]);
  }
}
