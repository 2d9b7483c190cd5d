import { applyPending } from '../guests/apply-pending.ts';
import { destroyVolumes } from '../guests/destroy-guest.ts';
import type { GuestConfig } from '../guests/guest-config.ts';
import { parseUpid } from '../tasks/upid.ts';
import type { Cluster } from './cluster.ts';

/** What an administrator does on the nodes behind the API's back, and what happens to them. */
export class ClusterAdmin {
  readonly #cluster: Cluster;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  /** Every guest there is, by vmid. */
  guests(): { vmid: number; node: string; running: boolean }[] {
    const { guests, engine } = this.#cluster;
    return [...guests.all()]
      .map(({ vmid, node }) => ({ vmid, node, running: engine.isRunning(vmid) }))
      .sort((a, b) => a.vmid - b.vmid);
  }

  /** The text of a guest's config file; undefined when there is no such guest. */
  configText(vmid: number): string | undefined {
    return this.#cluster.guests.find(vmid) && this.#cluster.guests.text(vmid);
  }

  /** Edits a guest's config file, heeding no lock. */
  editConfig(vmid: number, change: (config: GuestConfig) => void): void {
    this.#cluster.guests.update(vmid, change);
  }

  /** `pct unlock`. */
  unlock(vmid: number): void {
    this.editConfig(vmid, ({ options }) => options.delete('lock'));
  }

  /** Kills a guest, as `kill -9` of its process 1 would. */
  async stopGuest(vmid: number): Promise<void> {
    await this.#cluster.engine.stop(vmid);
    await applyPending(this.#cluster, vmid);
  }

  /** Destroys a guest with its volumes, whatever its state. */
  async destroyGuest(vmid: number): Promise<void> {
    const guest = this.#cluster.guests.find(vmid);
    if (!guest) return;
    await this.#cluster.engine.stop(vmid);
    await destroyVolumes(this.#cluster, guest);
    this.#cluster.access.forgetGuest(vmid);
    this.#cluster.guests.remove(vmid);
  }

  /** Moves a guest's config to another node, as after a migration with shared storage. */
  moveGuest(vmid: number, node: string): void {
    this.#cluster.guests.move(vmid, node);
  }

  /** Kills a task hard: nothing of what it would clean up is cleaned up. False when it does not run. */
  killTask(upid: string): boolean {
    return this.#cluster.tasks.kill(upid);
  }

  /** Ids of the tasks that run. */
  runningTasks(): string[] {
    return [...this.#cluster.tasks.running()].map(({ upid }) => upid);
  }

  /** Takes a node off the network or brings it back. Its guests' statistics go with it. */
  async setNodeOnline(node: string, online: boolean): Promise<void> {
    this.#cluster.node(node).online = online;
    await this.#cluster.stats.renew();
  }

  /** Without quorum the cluster's file system is read-only. */
  setQuorate(quorate: boolean): void {
    this.#cluster.quorate = quorate;
  }

  /** Makes a further bridge known on a node. */
  addBridge(node: string, bridge: string): void {
    this.#cluster.node(node).bridges.push(bridge);
  }

  /** Machine path of a volume, such as `local:100/vm-100-disk-0.raw`; a disk is a folder. */
  volumePath(node: string, volid: string): string {
    const { storage, name } = this.#cluster.storages.find(volid, node);
    return storage.pathOf(name);
  }

  /** Called when a guest ended on its own: what was pending is applied. */
  async guestExited(vmid: number): Promise<void> {
    await applyPending(this.#cluster, vmid);
  }

  /** Cleans up after the tasks that died with an earlier process, as if each had been asked to end. */
  async undoInterrupted(): Promise<void> {
    for (const upid of this.#cluster.interrupted) {
      const vmid = Number(parseUpid(upid)?.id);
      const lock = this.#cluster.guests.find(vmid)?.config.options.get('lock');
      if (lock === 'create' || lock === 'destroyed') await this.#discard(vmid);
      else if (lock !== undefined) this.unlock(vmid);
    }
  }

  /** A guest half made or half destroyed: volumes that its config does not name yet go too. */
  async #discard(vmid: number): Promise<void> {
    const { engine, storages, nodes } = this.#cluster;
    const node = this.#cluster.guests.find(vmid)?.node;
    for (const name of nodes.keys()) {
      if (name !== node) continue;
      for (const storage of storages.onNode(name)) {
        const volumes = [...storage.volumes()].filter((volume) => volume.vmid === vmid);
        for (const volume of volumes) {
          await engine.removeVolume(storage.pathOf(volume.name));
          storage.forget(volume.name);
        }
      }
    }
    this.#cluster.access.forgetGuest(vmid);
    this.#cluster.guests.remove(vmid);
  }
}
