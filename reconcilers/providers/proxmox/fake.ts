import type {
  ArchiveFile,
  BackUpGuest,
  BackedUpDisks,
  ClusterResources,
  ClusterStatus,
  CreateGuest,
  GuestChanges,
  GuestConfig,
  GuestStatus,
  Permissions,
  PowerAnswer,
  ProxmoxClient,
  RestoreGuest,
  StoredArchive,
  StoredBackup,
  StoredVolume,
  TaskState,
  Upid,
  VolumePlace,
} from './client.ts';
import { listedBackup, spawnBackup } from './fake-backups.ts';
import { FakeCalls, type FakeMethod, type Interception } from './fake-calls.ts';
import { FakeCluster, type FakeClusterOptions } from './fake-cluster.ts';
import { changedConfig, schemaErrors, type FakeGuest } from './fake-guest.ts';
import { refuse, refuseErrors } from './fake-refuse.ts';
import { disksOfBackup, spawnRestore } from './fake-restore.ts';
import type { FakeStorage } from './fake-storage.ts';
import { changeMounts, spawnGrowth, spawnMove } from './fake-volumes.ts';
import { ProxmoxFault } from './fault.ts';

export interface FakeProxmoxOptions extends FakeClusterOptions {
  /** Asked before each mutating call; throws to prevent it. */
  guard?: () => void;
}

/**
 * A Proxmox cluster in memory that is no kinder than a real one: tasks end by the clock and not when asked after, refusals
 * have Proxmox's own texts, the list is up to ten seconds old, a guest being made shows nothing but its lock, and starting a
 * guest that is not there gives a task that fails.
 */
export class FakeProxmox extends FakeCluster implements ProxmoxClient {
  /** Of the process that uses it now. */
  guard: () => void;
  readonly #calls = new FakeCalls();

  constructor(options: FakeProxmoxOptions) {
    super(options);
    this.guard = options.guard ?? (() => undefined);
  }

  /** How often each method was called. */
  get calls(): ReadonlyMap<FakeMethod, number> {
    return this.#calls.counts;
  }

  /** Decides how the next calls of a method go. */
  intercept(method: FakeMethod, interception: Interception): void {
    this.#calls.intercept(method, interception);
  }

  version(signal: AbortSignal): Promise<{ version: string; release: string }> {
    return this.#read('version', undefined, signal, () => ({ version: '9.2.11', release: '9.2' }));
  }

  permissions(signal: AbortSignal): Promise<Permissions> {
    return this.#read('permissions', undefined, signal, () => this.tokenPermissions);
  }

  clusterStatus(signal: AbortSignal): Promise<ClusterStatus> {
    return this.#read('clusterStatus', undefined, signal, () => ({
      quorate: this.quorate,
      nodes: [...this.nodes].map(([node, { online }]) => ({ node, online })),
    }));
  }

  resources(signal: AbortSignal): Promise<ClusterResources> {
    return this.#read('resources', undefined, signal, () => ({
      guests: this.listedGuests(),
      nodes: this.listedNodes(),
      storages: this.listedStorages(),
    }));
  }

  bridges(node: string, signal: AbortSignal): Promise<string[]> {
    return this.#read('bridges', node, signal, () => [...this.bridgeNames]);
  }

  guestConfig(node: string, vmid: number, signal: AbortSignal): Promise<GuestConfig> {
    return this.#read('guestConfig', node, signal, () => {
      const guest = this.#guestOn(node, vmid);
      return { ...guest.config, digest: guest.digest(), lock: guest.lock };
    });
  }

  guestStatus(node: string, vmid: number, signal: AbortSignal): Promise<GuestStatus> {
    return this.#read('guestStatus', node, signal, () => {
      const { running, startedAtMs, lock } = this.#guestOn(node, vmid);
      const uptimeSeconds = running ? Math.floor((this.nowMs() - startedAtMs) / 1000) : 0;
      return { status: running ? 'running' : 'stopped', uptimeSeconds, lock };
    });
  }

  guestAddresses(node: string, vmid: number, signal: AbortSignal): Promise<string[]> {
    return this.#read('guestAddresses', node, signal, () => this.containerOn(node, vmid)?.addresses() ?? []);
  }

  createGuest(node: string, guest: CreateGuest, signal: AbortSignal): Promise<Upid> {
    return this.#change('createGuest', node, signal, () => {
      refuseErrors(schemaErrors(guest));
      return this.spawnCreate(node, guest, this.#storage(guest.storage));
    });
  }

  restoreGuest(node: string, guest: RestoreGuest, signal: AbortSignal): Promise<Upid> {
    return this.#change('restoreGuest', node, signal, () => {
      refuseErrors(schemaErrors({ vmid: guest.vmid, hostname: guest.hostname, tags: guest.tags }));
      return spawnRestore(this, node, guest);
    });
  }

  backedUpDisks(node: string, backup: string, signal: AbortSignal): Promise<BackedUpDisks> {
    return this.#read('backedUpDisks', node, signal, () => disksOfBackup(this, node, backup));
  }

  configureGuest(node: string, vmid: number, changes: GuestChanges, signal: AbortSignal): Promise<void> {
    const { digest, ...rest } = changes;
    return this.#change('configureGuest', node, signal, () => {
      refuseErrors(schemaErrors(changes));
      const guest = this.#guestOn(node, vmid);
      if (Object.keys(rest).length === 0) refuse(500, 'no options specified');
      // Proxmox waits ten seconds for the lock first; the task that holds it may take longer.
      if (this.tasks.holdsLock(vmid))
        refuse(500, `can't lock file '/run/lock/lxc/pve-config-${vmid}.lock' - got timeout`);
      this.#assertUnchanged({ vmid, digest });
      if (guest.lock !== undefined) refuse(500, `CT is locked (${guest.lock})`);
      this.touch(vmid, () => {
        changeMounts(this, guest, changes);
        guest.config = changedConfig(guest.config, changes);
      });
    });
  }

  startGuest(node: string, vmid: number, signal: AbortSignal): Promise<PowerAnswer> {
    return this.#change('startGuest', node, signal, () => {
      if (this.#runs(node, vmid)) return 'already';
      const already = () => (this.#runs(node, vmid) ? `CT ${vmid} already running` : undefined);
      const upid = this.spawn('vzstart', node, vmid, {
        begin: () => this.refusalInTask(node, vmid) ?? already(),
        effect: () => this.start(node, vmid),
      });
      return { upid };
    });
  }

  shutdownGuest(node: string, vmid: number, timeoutSeconds: number, signal: AbortSignal): Promise<PowerAnswer> {
    return this.#change('shutdownGuest', node, signal, () => {
      if (!this.#runs(node, vmid)) return 'already';
      const ms = this.guests.get(vmid)?.ignoresHalt ? timeoutSeconds * 1000 : this.taskMs.vzshutdown;
      return { upid: this.#spawnHalt('vzshutdown', node, vmid, ms) };
    });
  }

  stopGuest(node: string, vmid: number, signal: AbortSignal): Promise<PowerAnswer> {
    return this.#change('stopGuest', node, signal, () => {
      if (!this.#runs(node, vmid)) return 'already';
      this.tasks.kill((work) => work.type === 'vzshutdown' && work.id === String(vmid), 'interrupt');
      return { upid: this.#spawnHalt('vzstop', node, vmid, this.taskMs.vzstop) };
    });
  }

  destroyGuest(node: string, vmid: number, signal: AbortSignal): Promise<Upid> {
    return this.#change('destroyGuest', node, signal, () => {
      return this.spawnDestroy(this.#guestOn(node, vmid));
    });
  }

  task(upid: Upid, signal: AbortSignal): Promise<TaskState> {
    return this.#read('task', nodeOf(upid), signal, () => this.tasks.state(upid));
  }

  taskLog(upid: Upid, lines: number, signal: AbortSignal): Promise<string[]> {
    return this.#read('taskLog', nodeOf(upid), signal, () => this.tasks.log(upid, lines));
  }

  runningTasks(node: string, vmid: number | undefined, signal: AbortSignal): Promise<{ upid: Upid; type: string }[]> {
    return this.#read('runningTasks', node, signal, () => this.tasks.running(node, vmid?.toString()));
  }

  moveVolume(node: string, from: VolumePlace, to: VolumePlace, signal: AbortSignal): Promise<Upid> {
    return this.#change('moveVolume', node, signal, () => {
      for (const place of [from, to]) this.#assertUnchanged(place);
      return spawnMove(this, node, from, to);
    });
  }

  resizeVolume(node: string, at: VolumePlace, sizeGiB: number, signal: AbortSignal): Promise<PowerAnswer> {
    return this.#change('resizeVolume', node, signal, () => {
      this.#assertUnchanged(at);
      return spawnGrowth(this, this.#guestOn(node, at.vmid), at.key, sizeGiB * 2 ** 30);
    });
  }

  volumes(node: string, storage: string, vmid: number, signal: AbortSignal): Promise<StoredVolume[]> {
    return this.#read('volumes', node, signal, () => this.#storage(storage).volumesOf(node, vmid));
  }

  archives(node: string, storage: string, signal: AbortSignal): Promise<StoredArchive[]> {
    return this.#read('archives', node, signal, () => this.#storage(storage).archives(node));
  }

  uploadArchive(
    node: string,
    storage: string,
    filename: string,
    file: ArchiveFile,
    signal: AbortSignal,
  ): Promise<Upid> {
    return this.#change('uploadArchive', node, signal, () => {
      const place = this.#storage(storage);
      place.checkTakes(filename);
      return this.spawn('imgcopy', node, '', { effect: () => place.put(node, filename, file) });
    });
  }

  downloadArchive(
    node: string,
    storage: string,
    filename: string,
    { url, sha256 }: { url: string; sha256: string },
    signal: AbortSignal,
  ): Promise<Upid> {
    return this.#change('downloadArchive', node, signal, () => {
      const place = this.#storage(storage);
      place.checkTakes(filename);
      const effect = () => {
        const file = place.archive(node, filename) ?? this.served.get(url);
        if (!file) return 'download failed: 404 Not Found';
        if (file.sha256 !== sha256) return `checksum mismatch: got '${file.sha256}' != expect '${sha256}'`;
        return place.put(node, filename, file);
      };
      return this.spawn('download', node, filename, { effect });
    });
  }

  backUp(node: string, wanted: BackUpGuest, signal: AbortSignal): Promise<Upid> {
    return this.#change('backUp', node, signal, () => spawnBackup(this, node, wanted));
  }

  backups(node: string, storage: string, vmid: number | undefined, signal: AbortSignal): Promise<StoredBackup[]> {
    return this.#read('backups', node, signal, () => this.#storage(storage).backupsOn(node, vmid).map(listedBackup));
  }

  deleteBackup(node: string, storage: string, volid: string, signal: AbortSignal): Promise<Upid | undefined> {
    return this.#change('deleteBackup', node, signal, () => {
      const problem = this.#storage(storage).removeBackup(volid);
      if (problem !== undefined) refuse(500, problem);
      return undefined;
    });
  }

  deleteArchive(node: string, storage: string, volid: string, signal: AbortSignal): Promise<Upid | undefined> {
    return this.#change('deleteArchive', node, signal, () => {
      const place = this.#storage(storage);
      return this.spawn('imgdel', node, storage, { effect: () => place.remove(node, volid.replace(/^.*\//, '')) });
    });
  }

  /** The cluster outlives its clients. */
  async close(): Promise<void> {}

  #read<T>(method: FakeMethod, node: string | undefined, signal: AbortSignal, act: () => T): Promise<T> {
    return this.#calls.run(method, signal, () => {
      this.#assertReachable(node);
      return act();
    });
  }

  async #change<T>(method: FakeMethod, node: string, signal: AbortSignal, act: () => T): Promise<T> {
    this.guard();
    return this.#calls.run(method, signal, () => {
      this.#assertReachable(node);
      if (this.quorate === false) refuse(500, 'cluster not ready - no quorum?');
      return act();
    });
  }

  #assertUnchanged({ vmid, digest }: Pick<VolumePlace, 'vmid' | 'digest'>): void {
    if (digest === undefined || digest === this.guests.get(vmid)?.digest()) return;
    refuse(500, 'detected modified configuration - file changed by other user? Try again.');
  }

  #assertReachable(node: string | undefined): void {
    if (this.unreachable) throw new ProxmoxFault('noAnswer', 'No endpoint of the Proxmox cluster answers.');
    if (node !== undefined && !this.nodes.get(node)?.online) refuse(595, 'No route to host');
  }

  #spawnHalt(type: 'vzshutdown' | 'vzstop', node: string, vmid: number, ms: number): Upid {
    return this.spawn(type, node, vmid, {
      ms,
      begin: () => this.refusalInTask(node, vmid),
      effect: () => {
        const guest = this.containerOn(node, vmid);
        if (guest) this.halt(guest);
        return undefined;
      },
    });
  }

  #runs(node: string, vmid: number): boolean {
    this.#assertVisible(vmid);
    return this.containerOn(node, vmid)?.running ?? false;
  }

  #guestOn(node: string, vmid: number): FakeGuest {
    this.#assertVisible(vmid);
    const guest = this.containerOn(node, vmid);
    return guest ?? refuse(500, `Configuration file 'nodes/${node}/lxc/${vmid}.conf' does not exist`);
  }

  #assertVisible(vmid: number): void {
    if (this.guests.get(vmid)?.hidden) refuse(403, `Permission check failed (/vms/${vmid}, VM.Audit)`);
  }

  #storage(name: string): FakeStorage {
    return this.storages.get(name) ?? refuse(500, `storage '${name}' does not exist`);
  }
}

function nodeOf(upid: Upid): string | undefined {
  return upid.split(':')[1];
}
