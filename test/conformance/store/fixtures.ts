import { expect } from 'vitest';
import type { AuditLog } from '../../../controller/access/audit-log.ts';
import type { FaultCode } from '../../../controller/errors.ts';
import type { LeaseStore } from '../../../controller/store/lease-store.ts';
import type { ResourceStore, WatchEvent, WatchOptions, Writer } from '../../../controller/store/store.ts';
import type { Kind, Resource } from '../../../crds/define-kind.ts';
import { API_VERSION, type ManifestMeta } from '../../../crds/meta.ts';
import { Project } from '../../../crds/project.ts';
import { Secret } from '../../../crds/secret.ts';

/** What a conformance test works on. */
export interface StoreUnderTest {
  store: ResourceStore;
  leases: LeaseStore;
  audit: AuditLog;
  /** The same objects through another process, where the implementation can be shared. */
  another?: () => Promise<ResourceStore>;
}

export type MakeStore = () => Promise<StoreUnderTest>;

export const person: Writer = {
  manager: 'rest',
  user: 'ann',
  address: '192.0.2.7',
  userAgent: 'tests/1',
  requestId: 'request-1',
};
export const loop: Writer = { manager: 'controller/toy' };

/** A namespaced object without a finalizer of its own. */
export function secretManifest(name: string, data: Record<string, string> = {}, metadata: Partial<ManifestMeta> = {}) {
  return Secret.parseManifest({
    apiVersion: API_VERSION,
    kind: 'Secret',
    metadata: { name, namespace: 'shop', ...metadata },
    spec: { data },
  });
}

/** A cluster-scoped object that its loop has to let go of. */
export function projectManifest(name: string) {
  return Project.parseManifest({ apiVersion: API_VERSION, kind: 'Project', metadata: { name } });
}

export function ownerOf({ apiVersion, kind, metadata: { name, uid } }: Resource) {
  return { apiVersion, kind, name, uid };
}

export function names(objects: readonly Resource[]): string[] {
  return objects.map(({ metadata }) => metadata.name);
}

export async function expectFault(promise: Promise<unknown>, code: FaultCode): Promise<void> {
  await expect(promise).rejects.toMatchObject({ name: 'Fault', code });
}

/** Follows a watch in the background, keeping what it told. */
export function follow<R extends Resource>(
  store: ResourceStore,
  kind: Kind<R>,
  options: Omit<WatchOptions, 'signal'>,
): { events: WatchEvent<R>[]; told(count: number): Promise<WatchEvent<R>[]>; stop(): Promise<void> } {
  const stop = new AbortController();
  const events: WatchEvent<R>[] = [];
  let wake = () => {};
  const ended = (async () => {
    for await (const event of store.watch(kind, { ...options, signal: stop.signal })) {
      events.push(event);
      wake();
    }
  })();
  ended.catch(() => wake());
  return {
    events,
    async told(count) {
      while (events.length < count) {
        const more = new Promise<void>((resolve) => {
          wake = resolve;
        });
        await Promise.race([more, ended.then(() => Promise.reject(new Error('The watch ended.')))]);
      }
      return events.slice(0, count);
    },
    async stop() {
      stop.abort();
      await ended;
    },
  };
}

/** `ADDED a`, `MODIFIED a`, ... in the order told; bookmarks as one word. */
export function words(events: readonly WatchEvent<Resource>[]): string[] {
  return events.map((event) =>
    event.type === 'BOOKMARK' ? event.type : `${event.type} ${event.object.metadata.name}`,
  );
}
