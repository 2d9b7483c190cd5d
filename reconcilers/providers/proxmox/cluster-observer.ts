import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../../../controller/clock.ts';
import type { ClusterResources, ListedGuest, ProxmoxClient } from './client.ts';

/** After something was asked of Proxmox its outcome is looked for this often, for this long. */
const HURRY_INTERVAL_MS = 1_000;
const HURRY_FOR_MS = 15_000;

/** The last good look at the whole cluster. */
export interface ClusterView {
  /** When Proxmox was asked. */
  at: Date;
  /** False when a later look failed or none came: nothing may be concluded from what is missing. */
  fresh: boolean;
  /** Of the node that answered; undefined for a single node. False: the list may be of the past. */
  quorate: boolean | undefined;
  resources: ClusterResources;
}

/** One shared look at a cluster, however many guests there are. */
export interface ClusterObserver {
  /** Undefined until Proxmox has answered once. */
  view(): ClusterView | undefined;
  /** A look that begins after this call; callers at the same time share it. Never throws but for the signal. */
  refresh(signal: AbortSignal): Promise<ClusterView | undefined>;
  /** Looks often for a while, since something is about to change. */
  hurry(): void;
  stop(): void;
}

interface ClusterObserverOptions {
  client: Pick<ProxmoxClient, 'resources' | 'clusterStatus'>;
  intervalMs: number;
  clock: Clock;
  /** Guests that appeared, changed or went since the last good look, and all there are now. */
  onChange: (vmids: readonly number[], all: readonly ListedGuest[]) => void;
  /** A look failed, or the first one worked again after that (undefined). */
  onTrouble?: (error: unknown) => void;
}

/** Looks at the cluster at once and then every `intervalMs`, until it is stopped, and tells which guests changed. */
export function createClusterObserver(options: ClusterObserverOptions): ClusterObserver {
  const observer = new PollingObserver(options);
  void observer.look();
  return observer;
}

class PollingObserver implements ClusterObserver {
  readonly #options: ClusterObserverOptions;
  readonly #stopped = new AbortController();
  #view: ClusterView | undefined;
  #viewAtMs = 0;
  #failing = false;
  #asProof = false;
  #hurryUntilMs = 0;
  #cancelTimer: () => void = () => undefined;
  #looking: Promise<void> | undefined;
  #nextLook: Promise<void> | undefined;

  constructor(options: ClusterObserverOptions) {
    this.#options = options;
  }

  view(): ClusterView | undefined {
    if (!this.#view) return undefined;
    const { intervalMs, clock } = this.#options;
    const old = clock.monotonicMs() - this.#viewAtMs > Math.max(3 * intervalMs, 30_000);
    return { ...this.#view, fresh: !this.#failing && !old };
  }

  async refresh(signal: AbortSignal): Promise<ClusterView | undefined> {
    signal.throwIfAborted();
    const gone = Promise.withResolvers<void>();
    const giveUp = () => gone.resolve();
    signal.addEventListener('abort', giveUp, { once: true });
    await Promise.race([this.#lookAfterNow(), gone.promise]);
    signal.removeEventListener('abort', giveUp);
    signal.throwIfAborted();
    return this.view();
  }

  hurry(): void {
    if (this.#stopped.signal.aborted) return;
    this.#hurryUntilMs = this.#options.clock.monotonicMs() + HURRY_FOR_MS;
    if (!this.#looking) this.#planNext();
  }

  stop(): void {
    this.#stopped.abort();
    this.#cancelTimer();
  }

  /** A look under way may have asked before the caller's change: it does not count. */
  #lookAfterNow(): Promise<void> {
    this.#asProof = true;
    if (!this.#looking) return this.look();
    this.#nextLook ??= this.#looking.then(() => {
      this.#nextLook = undefined;
      return this.look();
    });
    return this.#nextLook;
  }

  look(): Promise<void> {
    if (this.#stopped.signal.aborted) return Promise.resolve();
    this.#cancelTimer();
    this.#looking ??= this.#ask().finally(() => {
      this.#looking = undefined;
      this.#planNext();
    });
    return this.#looking;
  }

  async #ask(): Promise<void> {
    const { clock, onChange, onTrouble } = this.#options;
    const at = clock.now();
    const atMs = clock.monotonicMs();
    const before = this.#view?.resources.guests ?? [];
    try {
      this.#view = { at, fresh: true, ...(await this.#askForAll()) };
    } catch (error) {
      if (this.#stopped.signal.aborted) return;
      this.#failing = true;
      onTrouble?.(error);
      return;
    }
    this.#viewAtMs = atMs;
    if (this.#failing) onTrouble?.(undefined);
    this.#failing = false;
    const now = this.#view.resources.guests;
    const changed = changedGuests(before, now);
    if (changed.length > 0) onChange(changed, now);
  }

  /** Absence is concluded from a list and the quorum of the node that gave it; as proof, quorum is asked before and after. */
  async #askForAll(): Promise<Pick<ClusterView, 'quorate' | 'resources'>> {
    const { client } = this.#options;
    const { signal } = this.#stopped;
    const asProof = this.#asProof;
    this.#asProof = false;
    const { quorate } = await client.clusterStatus(signal);
    const resources = await client.resources(signal);
    if (!asProof || quorate === false) return { quorate, resources };
    // Another node may have answered in between, where this one stopped answering.
    return { quorate: (await client.clusterStatus(signal)).quorate, resources };
  }

  #planNext(): void {
    if (this.#stopped.signal.aborted) return;
    const { clock, intervalMs } = this.#options;
    const hurried = clock.monotonicMs() < this.#hurryUntilMs;
    this.#cancelTimer();
    const ms = hurried ? Math.min(intervalMs, HURRY_INTERVAL_MS) : intervalMs;
    this.#cancelTimer = clock.after(ms, () => void this.look());
  }
}

/** Vmids whose guests a loop may have to look at; usage alone is no change. */
function changedGuests(before: readonly ListedGuest[], now: readonly ListedGuest[]): number[] {
  const known = new Map(before.map((guest) => [guest.vmid, essence(guest)]));
  const changed: number[] = [];
  for (const guest of now) {
    if (!isDeepStrictEqual(known.get(guest.vmid), essence(guest))) changed.push(guest.vmid);
    known.delete(guest.vmid);
  }
  return [...changed, ...known.keys()];
}

function essence({ node, type, status, name, lock, tags, maxMemoryBytes, maxCpu }: ListedGuest): unknown {
  return [node, type, status, name, lock, tags, maxMemoryBytes, maxCpu];
}
