import type { MemoryAuditLog } from '../access/memory-audit-log.ts';
import type { Clock } from '../clock.ts';
import { Fault } from '../errors.ts';
import { auditRecord } from '../access/audit-record.ts';
import type {
  Accepted,
  ChangeBatch,
  ListPosition,
  PageRequest,
  StoreBackend,
  StoredChange,
  StoredPage,
  Write,
} from './backend.ts';
import { envelopeRules, graphNode } from './collect-garbage.ts';
import { mapKey } from './decide-batch.ts';
import type { StoredObject } from './decision.ts';
import { CONTROLLER_LEASE, type MemoryLeaseStore } from './lease-store.ts';
import type { GraphNode } from './plan-garbage.ts';
import { fenced } from './refusals.ts';
import type { ObjectKey } from './store.ts';
import { parseStored, storedJson, type Stored } from './stored.ts';
import { expired } from './version.ts';

interface MemoryBackendOptions {
  clock: Clock;
  newUid: () => string;
  keepChanges: number;
  leases: MemoryLeaseStore | undefined;
  audit: MemoryAuditLog | undefined;
  /** What it holds from the beginning. */
  objects: readonly StoredObject[];
  /** Called after every commit that changed something, with what it changed. */
  committed: (changes: readonly StoredChange[]) => void;
}

interface Entry extends StoredChange {
  uid: string;
  deleting: boolean;
  atMs: number;
}

/** Objects and their changes as JSON text, so that nothing that is read or written is shared with the caller. */
export class MemoryBackend implements StoreBackend {
  readonly #options: MemoryBackendOptions;
  /** The change that each stored object is at. */
  readonly #current = new Map<string, Entry>();
  /** Where each stored object is kept in `#current`. */
  readonly #keys = new Map<string, string>();
  /** Every change after `#compacted`, without gaps. */
  #changes: Entry[] = [];
  #compacted = 0n;
  #version = 0n;
  #closed = false;

  constructor(options: MemoryBackendOptions) {
    this.#options = options;
    for (const object of options.objects) this.#take(object);
    this.#compacted = this.#version;
  }

  async submit<O extends StoredObject>(write: Write<O>): Promise<Accepted<O>> {
    this.#mustBeOpen();
    const { clock, newUid, leases, audit } = this.#options;
    const { fence, manager } = write.writer;
    const epoch = leases?.epochOf(CONTROLLER_LEASE);
    if (fence !== undefined && fence !== epoch) throw fenced(fence, epoch);

    const before = this.#current.get(mapKey(write.kind, write.key));
    const decision = write.decide(before, { now: clock.now(), manager, newUid });
    if (decision.type === 'refused') throw decision.fault;
    if (decision.type === 'unchanged' || write.dryRun) return decision;

    const version = this.#version + 1n;
    decision.object.metadata.resourceVersion = String(version);
    const record = auditRecord(write, { before: before?.json, after: decision.object });
    if (record) audit?.record({ ...record, time: clock.now(), resourceVersion: String(version) });
    this.#commit({
      version,
      change: decision.type === 'removed' ? 'DELETED' : decision.change,
      kind: write.kind,
      namespace: write.key.namespace ?? '',
      name: write.key.name,
      uid: decision.object.metadata.uid,
      deleting: decision.object.metadata.deletionTimestamp !== undefined,
      json: storedJson(decision.object),
      previous: before && { version: before.version, json: before.json },
      atMs: clock.now().getTime(),
    });
    return decision;
  }

  async read(kind: string, key: ObjectKey): Promise<Stored | undefined> {
    this.#mustBeOpen();
    return this.#current.get(mapKey(kind, key));
  }

  async readByUid(kind: string, uid: string): Promise<Stored | undefined> {
    this.#mustBeOpen();
    const entry = this.#current.get(this.#keys.get(uid) ?? '');
    return entry?.kind === kind ? entry : undefined;
  }

  async countIn(kind: string, namespaces: readonly string[]): Promise<Map<string, number>> {
    this.#mustBeOpen();
    const wanted = new Set(namespaces);
    const counts = new Map<string, number>();
    for (const entry of this.#current.values()) {
      if (entry.kind !== kind || entry.deleting || !wanted.has(entry.namespace)) continue;
      counts.set(entry.namespace, (counts.get(entry.namespace) ?? 0) + 1);
    }
    return counts;
  }

  async readPage(request: PageRequest): Promise<StoredPage> {
    const { version, found } = this.#select(request);
    return { version, objects: found.slice(0, request.limit), more: found.length > request.limit };
  }

  async count(request: Omit<PageRequest, 'limit'>): Promise<number> {
    return this.#select(request).found.length;
  }

  async readChanges(after: bigint, limit: number): Promise<ChangeBatch> {
    this.#mustBeOpen();
    if (after < this.#compacted || after > this.#version) throw expired(after);
    const start = Number(after - this.#compacted);
    const changes = this.#changes.slice(start, start + limit);
    const upTo = changes.at(-1)?.version ?? this.#version;
    return { changes, upTo, more: upTo < this.#version };
  }

  async readGraph(): Promise<GraphNode[]> {
    this.#mustBeOpen();
    return [...this.#current.values()].map((entry) => {
      const rules = envelopeRules(entry.kind, entry.namespace === '' ? 'Cluster' : 'Namespaced');
      return graphNode(rules.read(parseStored(entry)));
    });
  }

  async currentVersion(): Promise<bigint> {
    this.#mustBeOpen();
    return this.#version;
  }

  async compact({ keepMs, keepChanges }: { keepMs: number; keepChanges: number }): Promise<void> {
    this.#mustBeOpen();
    const oldest = this.#options.clock.now().getTime() - keepMs;
    const young = this.#changes.findIndex(({ atMs }) => atMs > oldest);
    const beyondAge = young === -1 ? this.#changes.length : young;
    this.#forget(Math.min(beyondAge, this.#changes.length - keepChanges));
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  #commit(entry: Entry): void {
    this.#version = entry.version;
    this.#changes.push(entry);
    const key = mapKey(entry.kind, entry);
    if (entry.change === 'DELETED') {
      this.#current.delete(key);
      this.#keys.delete(entry.uid);
    } else {
      this.#current.set(key, entry);
      this.#keys.set(entry.uid, key);
    }
    // Not at every write: forgetting copies the rest.
    if (this.#changes.length > this.#options.keepChanges * 1.25 + 16) {
      this.#forget(this.#changes.length - this.#options.keepChanges);
    }
    this.#options.committed([entry]);
  }

  /** An object of another store, which nobody here saw being made. */
  #take(object: StoredObject): void {
    const { name, namespace = '', uid, deletionTimestamp } = object.metadata;
    this.#version += 1n;
    const key = mapKey(object.kind, { namespace, name });
    this.#keys.set(uid, key);
    this.#current.set(key, {
      version: this.#version,
      change: 'ADDED',
      kind: object.kind,
      namespace,
      name,
      uid,
      deleting: deletionTimestamp !== undefined,
      json: storedJson(object),
      previous: undefined,
      atMs: this.#options.clock.now().getTime(),
    });
  }

  #forget(count: number): void {
    if (count <= 0) return;
    this.#changes = this.#changes.slice(count);
    this.#compacted += BigInt(count);
  }

  /** What there was as of a version: what is there now, with every later change undone. */
  #select({ kind, namespace, at = this.#version, after }: Omit<PageRequest, 'limit'>) {
    this.#mustBeOpen();
    if (at < this.#compacted || at > this.#version) throw expired(at);
    const objects = new Map<string, ListPosition & Stored>(this.#current);
    for (const change of this.#changes.slice(Number(at - this.#compacted)).toReversed()) {
      const key = mapKey(change.kind, change);
      if (change.previous === undefined) objects.delete(key);
      else objects.set(key, { ...change.previous, namespace: change.namespace, name: change.name });
    }
    const prefix = `${kind}/`;
    const found = [...objects]
      .filter(([key]) => key.startsWith(prefix))
      .map(([, object]) => object)
      .filter((object) => namespace === undefined || object.namespace === namespace)
      .filter((object) => after === undefined || compare(object, after) > 0)
      .sort(compare);
    return { version: at, found };
  }

  #mustBeOpen(): void {
    if (this.#closed) throw new Fault('Unavailable', 'The store is closed.');
  }
}

function compare(a: ListPosition, b: ListPosition): number {
  if (a.namespace !== b.namespace) return a.namespace < b.namespace ? -1 : 1;
  if (a.name === b.name) return 0;
  return a.name < b.name ? -1 : 1;
}
