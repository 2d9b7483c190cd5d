import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { Backup, Restore } from '../../crds/backup.ts';
import { Guest } from '../../crds/guest.ts';
import { Volume } from '../../crds/volume.ts';
import type { ResourceReader } from '../../controller/reconciler.ts';
import type { GuestLinkState } from '../../reconcilers/providers/guest/guest-links.ts';
import { parseMount } from '../../reconcilers/providers/proxmox/mount.ts';
import { SAFEGUARD_OF } from '../../reconcilers/shared/volume-login.ts';
import { DataWorld } from './data-world.ts';

const SHOP = 'shop';
const DIGEST = `sha256:${'a'.repeat(64)}`;
const PROCESS = { command: ['/app'], env: [], workingDir: '', user: '', stopSignal: '' };
/** What the volume had when it was backed up, and what it has by now. */
export const MONDAY = 'as it was on monday';
export const TODAY = 'as it is today';

/** A guest with a volume, a backup of that volume, and something written since; every loop is the real one. */
export class ExchangeWorld extends DataWorld {
  /** The process ends again and again over what was restored. */
  isPicky = false;

  async beginWithVolume({ guest = true, asIf = false } = {}): Promise<void> {
    await this.prepare({
      builder: false,
      cluster: { storages: { rootfs: 'local-lvm', templates: 'local', backups: 'local' } },
    });
    const path = join(this.workDir, 'archive.tar');
    await writeFile(path, 'archive');
    await this.artifacts.put(path, DIGEST);
    const artifact = {
      digest: DIGEST,
      imageDigest: `sha256:${'b'.repeat(64)}`,
      image: 'shop/web:1',
      architecture: 'amd64',
      sizeBytes: 7,
      process: PROCESS,
      exposedPorts: [],
    };
    const web = { hostname: 'web', artifact, process: { command: ['/app'] } };
    await this.create(Volume, 'data', { size: '1Gi', guest: 'web' }, SHOP);
    await this.create(Guest, 'web', { ...web, mounts: [{ volume: 'data', mountPath: '/data' }] }, SHOP);
    await this.world.runUntilQuiet();
    for (const disk of this.disks()) disk.content = MONDAY;
    await (asIf ? this.#backUpAsIf() : this.#backUp());
    for (const disk of this.disks()) disk.content = TODAY;
    if (guest) return;
    await this.create(Guest, 'other', web, SHOP);
    await this.remove(Guest, 'web');
    await this.world.runUntilQuiet();
  }

  async restoreVolume(name = 'friday', spec: Record<string, unknown> = {}): Promise<void> {
    await this.create(Restore, name, { backup: 'one', target: { kind: 'Volume', name: 'data' }, ...spec }, SHOP);
  }

  /** Something else about where the backup is from. */
  async sayOrigin(change: Partial<NonNullable<Backup['status']['origin']>>): Promise<void> {
    const backup = await this.get(Backup, 'one');
    const origin = backup.status.origin && { ...backup.status.origin, ...change };
    await this.store.updateStatus(Backup, { ...backup, status: { ...backup.status, origin } }, { manager: 'test' });
  }

  /**
   * Two disks, each of one Volume and of nobody else: `data`, in use, and the other, kept and told as what it is. Their guests
   * on Proxmox carry the marks of their objects, and nothing else is there.
   */
  async expectDisks({ data, kept, inUse = true }: { data: string; kept: string; inUse?: boolean }): Promise<void> {
    const target = await this.get(Volume, 'data');
    const other = await this.get(Volume, 'friday-restored');
    expect((await this.diskOf('data'))?.content).toBe(data);
    expect((await this.diskOf('friday-restored'))?.content).toBe(kept);
    expect(this.disks()).toHaveLength(2);
    expect(other.metadata.ownerReferences ?? []).toEqual([]);
    expect(other.metadata.labels?.[SAFEGUARD_OF]).toBe('data');
    expect(other.spec).toMatchObject({ retain: true });
    expect([other.spec.guest, other.spec.source]).toEqual([undefined, undefined]);
    expect(this.readyOf(other)).toBe('True VolumeParked');
    const guests = await this.all(Guest);
    expect(guests.map(({ metadata }) => metadata.name)).toEqual([inUse ? 'web' : 'other']);
    const [guest] = guests;
    expect(this.readyOf(target)).toBe(inUse ? 'True VolumeAttached' : 'True VolumeParked');
    expect(target.status.attachedUid).toBe(inUse ? guest?.metadata.uid : undefined);
    if (guest) expect(this.readyOf(guest)).toBe('True Healthy');
    const keepers = inUse ? [other.status.keeperVmid] : [target.status.keeperVmid, other.status.keeperVmid];
    expect([...this.proxmox.guests.keys()].sort()).toEqual([guest?.status.vmid, ...keepers].sort());
    for (const { metadata, status } of inUse ? [other] : [target, other]) {
      const keeper = this.proxmox.guests.get(status.keeperVmid ?? 0);
      expect(keeper?.config.tags).toContain(`containr-g-${metadata.uid}`);
      expect(keeper?.config.description).toContain(`"name":"${metadata.name}"`);
    }
  }

  /** A restore that was deleted was done or was not; nothing in between. */
  async expectEither(): Promise<void> {
    const isDone = (await this.diskOf('data'))?.content === MONDAY;
    const [data, kept] = isDone ? [MONDAY, TODAY] : [TODAY, MONDAY];
    await this.expectDisks({ data, kept, inUse: false });
  }

  async #backUp(): Promise<void> {
    await this.create(Backup, 'one', { source: { kind: 'Volume', name: 'data' } }, SHOP);
    await this.world.runUntilQuiet();
    expect(await this.said(Backup, 'one')).toContain('Completed True BackupCompleted');
  }

  /** The same archive and object, without living through how they are made: for stories that are told often. */
  async #backUpAsIf(): Promise<void> {
    const { status } = await this.get(Volume, 'data');
    const config = this.proxmox.guests.get(status.vmid ?? 0)?.config;
    if (!config) throw new Error('There is no guest.');
    const volid = 'local:backup/vzdump-lxc-20000-2026_01_01-03_00_00.tar.zst';
    this.backups.keepBackup({
      volid,
      node: 'pve1',
      vmid: status.vmid ?? 0,
      sizeBytes: 1_000,
      createdSeconds: 0,
      notes: '',
      protected: false,
      config: structuredClone(config),
      rootBytes: 2 ** 30,
      volumes: new Map([['mp0', { bytes: 2 ** 30, content: MONDAY }]]),
      isDamaged: false,
    });
    const backup = await this.create(Backup, 'one', { source: { kind: 'Volume', name: 'data' } }, SHOP);
    const whole = Backup.statusSchema.parse({
      phase: 'Completed',
      machine: { state: 'Completed', context: { deadline: 0 }, generation: 1 },
      cluster: 'home',
      node: 'pve1',
      storage: 'local',
      volid,
      checksum: createHash('sha256').update(MONDAY).digest('hex'),
      origin: { uid: 'x', region: 'default', size: '1Gi', mountPath: '/data' },
    });
    await this.store.updateStatus(Backup, { ...backup, status: whole }, { manager: 'test' });
  }

  protected override firstWords(uid: string, read: ResourceReader): Partial<GuestLinkState> {
    const guest = read.list(Guest).find(({ metadata }) => metadata.uid === uid);
    const [mount] = Object.values(this.proxmox.guests.get(guest?.status.vmid ?? 0)?.config.mounts ?? {});
    const disk = mount === undefined ? undefined : this.proxmox.volume(parseMount(mount).volume);
    if (this.isPicky && guest?.metadata.name === 'web' && disk?.content === MONDAY)
      return { connected: true, process: 'backoff', lastExit: { code: 1, at: this.clock.now() } };
    return super.firstWords(uid, read);
  }
}
