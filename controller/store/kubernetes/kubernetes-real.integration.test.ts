import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  expectFault,
  follow,
  loop,
  names,
  person,
  secretManifest,
  words,
} from '../../../test/conformance/store/fixtures.ts';
import { serveKubernetesApi } from '../../../test/harness/kubernetes-api.ts';
import { openKubernetesStore } from '../../../test/harness/kubernetes-store.ts';
import { Secret } from '../../../crds/secret.ts';
import { systemClock } from '../../clock.ts';
import type { LeaseStore } from '../lease-store.ts';
import { parseLabelSelector } from '../selector.ts';
import type { ResourceStore } from '../store.ts';
import { openKubernetes } from './open-kubernetes.ts';

interface Opened {
  store: ResourceStore;
  leases: LeaseStore;
  close(): Promise<void>;
}

const kubeconfig = process.env['CONTAINR_TEST_KUBECONFIG'] ?? '';
const isReal = kubeconfig !== '' && existsSync(kubeconfig);
const why = isReal ? '' : ' (skipped: CONTAINR_TEST_KUBECONFIG names no kubeconfig of a cluster with our CRDs)';

describe('Kubernetes as our own API plays it', () => story(openOwn));
describe.skipIf(!isReal)(`a real Kubernetes API server${why}`, () => story(openReal));

async function openOwn(): Promise<Opened> {
  const api = await serveKubernetesApi();
  const opened = openKubernetesStore(api);
  return {
    ...opened,
    async close() {
      await opened.store.close();
      await api.close();
    },
  };
}

async function openReal(): Promise<Opened> {
  const log = pino({ level: 'silent' });
  const opened = await openKubernetes({ kubeconfig, clock: systemClock, audit: async () => undefined, log });
  return { ...opened, close: () => opened.store.close() };
}

/** What any API server must do for the store, in a namespace of its own that is left behind empty. */
function story(open: () => Promise<Opened>): void {
  const unique = randomBytes(4).toString('hex');
  const namespace = `containr-test-${unique}`;
  const manifest = (name: string, data = {}, metadata = {}) => secretManifest(name, data, { namespace, ...metadata });
  let opened: Opened;
  beforeAll(async () => {
    opened = await open();
  });
  afterAll(() => opened.close());

  it('makes the namespace, and moves versions and generations as the contract says', async () => {
    const { store } = opened;
    const made = await store.create(Secret, manifest('a', { v: '1' }), person);
    expect(made.metadata.generation).toBe(1);
    await expectFault(store.create(Secret, manifest('a'), person), 'AlreadyExists');
    const next = await store.update(Secret, { ...made, spec: { data: { v: '2' } } }, person);
    expect(next.metadata.generation).toBe(2);
    expect(BigInt(next.metadata.resourceVersion) > BigInt(made.metadata.resourceVersion)).toBe(true);
    await expectFault(store.update(Secret, { ...made, spec: { data: { v: '3' } } }, person), 'Conflict');
    const status = { ...next.status, observedGeneration: 2 };
    const told = await store.updateStatus(Secret, { ...next, spec: { data: {} }, status }, loop);
    expect(told).toMatchObject({
      metadata: { generation: 2 },
      spec: { data: { v: '2' } },
      status: { observedGeneration: 2 },
    });
    expect((await store.updateStatus(Secret, told, loop)).metadata.resourceVersion).toBe(told.metadata.resourceVersion);
    await expectFault(
      store.updateStatus(Secret, { ...next, status: { ...status, observedGeneration: 1 } }, loop),
      'Conflict',
    );
    expect(await store.getByUid(Secret, made.metadata.uid)).toEqual(told);
    await store.delete(Secret, { namespace, name: 'a' }, person);
    await expectFault(store.update(Secret, told, person), 'NotFound');
  });

  it('lists by labels, a page at a time, and counts', async () => {
    const { store } = opened;
    for (const name of ['a', 'b', 'c', 'd']) {
      await store.create(Secret, manifest(name, {}, { labels: { tier: name === 'd' ? 'web' : 'db' } }), person);
    }
    const labels = parseLabelSelector('tier=db');
    const first = await store.list(Secret, { namespace, labels, limit: 2 });
    const rest = await store.list(Secret, { namespace, labels, limit: 2, continue: first.continue });
    expect([...names(first.items), ...names(rest.items)]).toEqual(['a', 'b', 'c']);
    expect(rest.continue).toBeUndefined();
    expect(await store.countIn(Secret, [namespace])).toEqual(new Map([[namespace, 4]]));
    for (const name of ['a', 'b', 'c', 'd']) await store.delete(Secret, { namespace, name }, person);
  });

  it('tells every change after a list, in order', async () => {
    const { store } = opened;
    const { resourceVersion: since } = await store.list(Secret, { namespace });
    const watch = follow(store, Secret, { namespace, since });
    const made = await store.create(Secret, manifest('a'), person);
    await store.update(Secret, { ...made, spec: { data: { v: '1' } } }, person);
    await store.delete(Secret, { namespace, name: 'a' }, person);
    expect(words(await watch.told(3))).toEqual(['ADDED a', 'MODIFIED a', 'DELETED a']);
    await watch.stop();
  });

  it('keeps what has finalizers until the last is gone, and deletes only what is meant', async () => {
    const { store } = opened;
    const key = { namespace, name: 'held' };
    await store.create(Secret, manifest('held', {}, { finalizers: ['example.com/held'] }), person);
    await expectFault(store.delete(Secret, key, person, { uid: 'another' }), 'Conflict');
    const marked = await store.delete(Secret, key, person);
    if (!marked) throw new Error('The Secret went in spite of its finalizer.');
    expect(marked.metadata.deletionTimestamp).toBeDefined();
    const finalizers = ['example.com/held', 'example.com/late'];
    await expectFault(
      store.update(Secret, { ...marked, metadata: { ...marked.metadata, finalizers } }, person),
      'Invalid',
    );
    await store.update(Secret, { ...marked, metadata: { ...marked.metadata, finalizers: [] } }, loop);
    expect(await store.get(Secret, key)).toBeUndefined();
  });

  it('stores nothing of a dry run', async () => {
    const { store } = opened;
    const tried = await store.create(Secret, manifest('dry', { v: '1' }), person, { dryRun: true });
    expect(tried.spec.data).toEqual({ v: '1' });
    expect(await store.get(Secret, { namespace, name: 'dry' })).toBeUndefined();
  });

  it('holds a lease, renews it and gives it back', async () => {
    const { leases } = opened;
    const name = `test-${unique}`;
    expect(await leases.acquire(name, 'one', 60_000)).toEqual({ epoch: 1n });
    expect(await leases.acquire(name, 'two', 60_000)).toEqual({ heldBy: 'one' });
    expect(await leases.renew(name, 'one', 1n, 60_000)).toBe(true);
    await leases.release(name, 'one', 1n);
    expect(await leases.acquire(name, 'two', 60_000)).toEqual({ epoch: 2n });
    await leases.release(name, 'two', 2n);
  });
}
