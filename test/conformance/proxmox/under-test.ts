import { expect } from 'vitest';
import type {
  ArchiveFile,
  CreateGuest,
  PowerAnswer,
  ProxmoxClient,
  TaskState,
  Upid,
} from '../../../reconcilers/providers/proxmox/client.ts';
import { netText } from '../../../reconcilers/providers/proxmox/net.ts';
import { archiveFilename, placeArchive } from '../../../reconcilers/providers/proxmox/place-archive.ts';

/** A cluster that the suite may work in, and what there is in it. */
export interface ProxmoxUnderTest {
  client: ProxmoxClient;
  node: string;
  bridge: string;
  storages: { rootfs: string; templates: string; backups: string };
  architecture: 'amd64' | 'arm64';
  /** An archive as `writePauseArchive` writes it. */
  archive: ArchiveFile;
  /** Vmids from here on are the suite's own. */
  vmidFrom: number;
  /** Lets this much time pass for the cluster. */
  wait(ms: number): Promise<void>;
  close(): Promise<void>;
}

export type MakeProxmox = () => Promise<ProxmoxUnderTest>;

/** Longer than any answer of the suite's calls takes. */
const TASK_LIMIT_MS = 60_000;

/** What tests of the suite do over and over. */
export class ProxmoxBench {
  readonly signal = new AbortController().signal;
  readonly under: ProxmoxUnderTest;
  readonly client: ProxmoxClient;
  readonly node: string;
  readonly #made = new Set<number>();
  #nextVmid: number;

  constructor(under: ProxmoxUnderTest) {
    this.under = under;
    this.client = under.client;
    this.node = under.node;
    this.#nextVmid = under.vmidFrom;
  }

  get filename(): string {
    return archiveFilename(`sha256:${this.under.archive.sha256}`);
  }

  /** A vmid that nobody uses; whatever is made there is removed in the end. */
  freshVmid(): number {
    const vmid = this.#nextVmid++;
    this.#made.add(vmid);
    return vmid;
  }

  /** The volid of the suite's archive, placed if need be. */
  async placed(): Promise<string> {
    const { node, storages, archive } = this.under;
    for (;;) {
      const place = { node, storage: storages.templates, filename: this.filename, file: archive };
      const step = await placeArchive(this.client, place, this.signal);
      if ('volid' in step) return step.volid;
      await this.succeeded(step.upid);
    }
  }

  wanted(vmid: number, archive: string, over: Partial<CreateGuest> = {}): CreateGuest {
    return {
      vmid,
      archive,
      hostname: `conformance-${vmid}`,
      storage: this.under.storages.rootfs,
      rootfsGiB: 0.1,
      memoryMiB: 64,
      swapMiB: 0,
      cores: 1,
      cpuLimit: 0.5,
      architecture: this.under.architecture,
      net0: netText({ name: 'eth0', bridge: this.under.bridge, mac: 'BC:24:11:0C:0F:EE', ip: 'manual' }),
      tags: ['zeta', 'Conformance'],
      description: 'Made by a test.\n\nlast line',
      ...over,
    };
  }

  /** A guest that was made and is stopped. */
  async made(over: Partial<CreateGuest> = {}): Promise<number> {
    const vmid = this.freshVmid();
    const upid = await this.client.createGuest(this.node, this.wanted(vmid, await this.placed(), over), this.signal);
    await this.succeeded(upid);
    return vmid;
  }

  async started(over: Partial<CreateGuest> = {}): Promise<number> {
    const vmid = await this.made(over);
    await this.succeeded(taskOf(await this.client.startGuest(this.node, vmid, this.signal)));
    return vmid;
  }

  /** How a task ends. */
  async ended(upid: Upid): Promise<Extract<TaskState, { status: 'ended' }>> {
    for (let waitedMs = 0; waitedMs <= TASK_LIMIT_MS; waitedMs += 100) {
      const state = await this.client.task(upid, this.signal);
      if (state.status === 'ended') return state;
      if (state.status === 'unknown') throw new Error(`Task ${upid} is not known to its node.`);
      await this.under.wait(100);
    }
    throw new Error(`Task ${upid} did not end within ${TASK_LIMIT_MS / 1000} s.`);
  }

  async succeeded(upid: Upid): Promise<void> {
    const state = await this.ended(upid);
    const log = state.ok ? [] : await this.client.taskLog(upid, 20, this.signal);
    expect(state.exit, log.join('\n')).toMatch(/^(OK|WARNINGS)/);
  }

  /** Removes every guest that was made; those that are there only. */
  async clean(): Promise<void> {
    for (const vmid of this.#made) {
      try {
        const stopping = await this.client.stopGuest(this.node, vmid, this.signal);
        if (stopping !== 'already') await this.ended(stopping.upid);
        await this.ended(await this.client.destroyGuest(this.node, vmid, this.signal));
      } catch {
        // Not there, or not to be removed: the next run starts from other vmids.
      }
    }
    this.#made.clear();
  }
}

/** The task of a power call that had something to do. */
export function taskOf(answer: PowerAnswer): Upid {
  expect(answer).not.toBe('already');
  return answer === 'already' ? '' : answer.upid;
}
