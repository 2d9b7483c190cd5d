import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Refusal } from '../refusal.ts';
import { writeFileWhole } from '../write-file-whole.ts';
import { copyConfig, type GuestConfig } from './guest-config.ts';
import { formatConfig, parseConfig } from './config-text.ts';
import { dropUsed } from './guest-volumes.ts';

/** A guest as its config file says. */
export interface Guest {
  readonly vmid: number;
  readonly node: string;
  /** Not to be changed in place; see `GuestStore.update`. */
  readonly config: GuestConfig;
  /** SHA-1 of the config file. */
  readonly digest: string;
}

/** All guests' configs, one file each, as they lie in /etc/pve. A change is in its file before the call returns. */
export class GuestStore {
  readonly #dataDir: string;
  readonly #guests = new Map<number, Guest>();

  constructor(dataDir: string, nodes: readonly string[]) {
    this.#dataDir = dataDir;
    for (const node of nodes) this.#load(node);
  }

  all(): Iterable<Guest> {
    return this.#guests.values();
  }

  find(vmid: number): Guest | undefined {
    return this.#guests.get(vmid);
  }

  /** The guest on this node; refused as Proxmox refuses where it is not. */
  get(vmid: number, node: string): Guest {
    const guest = this.#guests.get(vmid);
    if (guest?.node !== node) throw missingGuest(vmid, node);
    return guest;
  }

  /** Makes a guest; refused when the vmid is taken, on whatever node. */
  create(vmid: number, node: string, config: GuestConfig): Guest {
    this.refuseTaken(vmid);
    return this.#write(vmid, node, config);
  }

  refuseTaken(vmid: number): void {
    const taken = this.#guests.get(vmid);
    if (taken) throw new Refusal(`CT ${vmid} already exists on node '${taken.node}'`);
  }

  /** Changes a guest's config. Throws when it is gone. */
  update(vmid: number, change: (config: GuestConfig) => void): Guest {
    const guest = this.#guests.get(vmid);
    if (!guest) throw new Refusal(`Configuration file 'lxc/${vmid}.conf' does not exist`);
    const config = copyConfig(guest.config);
    change(config);
    dropUsed(config.options);
    return this.#write(vmid, guest.node, config);
  }

  /** The config file's text. */
  text(vmid: number): string {
    const guest = this.#guests.get(vmid);
    return guest ? formatConfig(guest.config) : '';
  }

  remove(vmid: number): void {
    const guest = this.#guests.get(vmid);
    if (!guest) return;
    this.#guests.delete(vmid);
    rmSync(this.#path(vmid, guest.node), { force: true });
  }

  /** Moves the config to another node, as a migration or a hand would. */
  move(vmid: number, node: string): void {
    const guest = this.#guests.get(vmid);
    if (!guest) throw new Error(`guest ${vmid} is to be moved, but is not there`);
    this.#write(vmid, node, copyConfig(guest.config));
    rmSync(this.#path(vmid, guest.node), { force: true });
  }

  /** What is read back is what counts: that is where values lose their trailing space. */
  #write(vmid: number, node: string, config: GuestConfig): Guest {
    const text = formatConfig(config);
    writeFileWhole(this.#path(vmid, node), text);
    return this.#remember(vmid, node, text);
  }

  #remember(vmid: number, node: string, text: string): Guest {
    const digest = createHash('sha1').update(text).digest('hex');
    const guest: Guest = { vmid, node, config: parseConfig(text), digest };
    this.#guests.set(vmid, guest);
    return guest;
  }

  #load(node: string): void {
    const folder = join(this.#dataDir, 'nodes', node, 'lxc');
    mkdirSync(folder, { recursive: true });
    for (const file of readdirSync(folder)) {
      const vmid = /^(\d+)\.conf$/.exec(file)?.[1];
      if (vmid !== undefined) this.#remember(Number(vmid), node, readFileSync(join(folder, file), 'utf8'));
    }
  }

  #path(vmid: number, node: string): string {
    return join(this.#dataDir, 'nodes', node, 'lxc', `${vmid}.conf`);
  }
}

/** The refusal for a guest that is not on this node. */
export function missingGuest(vmid: number, node: string): Refusal {
  return new Refusal(`Configuration file 'nodes/${node}/lxc/${vmid}.conf' does not exist`);
}
