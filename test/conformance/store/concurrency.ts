import { setImmediate as breathe, setTimeout as pause } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { isFault } from '../../../controller/errors.ts';
import type { ResourceStore, WatchEvent } from '../../../controller/store/store.ts';
import { Secret } from '../../../crds/secret.ts';
import { expectFault, loop, person, secretManifest, type MakeStore } from './fixtures.ts';

const WRITERS = 50;
const WATCHERS = 4;
const OBJECTS = 20;
const namespace = 'shop';

/** A write that the store acknowledged, by the version it answered; deletions answer none. */
interface Ledger {
  acknowledged: Map<bigint, string>;
  refused: number;
}

/** What one watcher knows: which versions it was told of, and which ranges of versions it watched without a gap. */
interface Account {
  told: Map<bigint, string>;
  watched: { after: bigint; upTo: bigint }[];
  objects: Map<string, string>;
  reconnects: number;
  relists: number;
}

interface ConcurrencyOptions {
  /** How often each of the writers writes. */
  writesEach: number;
  /** Whether a fenced write and the look at the lease are one step. */
  fencesAtomically: boolean;
}

export function concurrencyBehaviour(make: MakeStore, { writesEach, fencesAtomically }: ConcurrencyOptions): void {
  it(
    'tells every watcher every change once, in order of commit, across reconnects and compaction',
    { timeout: 120_000 },
    async () => {
      const { store, another } = await make();
      const replica = another ? await another() : store;
      const start = BigInt(await store.currentVersion());
      const ledger: Ledger = { acknowledged: new Map(), refused: 0 };
      const stop = new AbortController();
      const patient = keepAccount(replica, stop.signal, { start, reconnectAfter: () => Infinity, restMs: () => 0 });
      const restless = Array.from({ length: WATCHERS }, (_, index) =>
        keepAccount(index % 2 === 0 ? store : replica, stop.signal, {
          start,
          reconnectAfter: () => 1 + Math.floor(Math.random() * 40),
          // Some are away for so long that what they missed is forgotten meanwhile.
          restMs: () => (index === 0 ? 60 : Math.random() * 10),
        }),
      );
      const compacting = compactNowAndThen(store, stop.signal);

      await Promise.all(
        Array.from({ length: WRITERS }, (_, writer) =>
          writeAtRandom(writer % 3 === 0 ? replica : store, writer, writesEach, ledger),
        ),
      );
      const last = BigInt(await store.currentVersion());
      const accounts = await Promise.all([patient, ...restless].map((account) => account.caughtUpWith(last)));
      stop.abort();
      await compacting;

      expect(ledger.acknowledged.size).toBeGreaterThan(WRITERS);
      expect(ledger.refused).toBeGreaterThan(0);
      const objects = await snapshot(store);
      for (const account of accounts) {
        expect(account.objects).toEqual(objects);
        expectNothingLost(account, ledger);
      }
      expect(accounts.slice(1).every(({ reconnects }) => reconnects > 0)).toBe(true);
      expect(accounts.some(({ relists }) => relists > 0)).toBe(true);
    },
  );

  it('makes one of many racing writers win each version', async () => {
    const { store, another } = await make();
    const replica = another ? await another() : store;
    const created = await store.create(Secret, secretManifest('counter', { n: '0' }), person);
    const key = { namespace, name: 'counter' };
    const increments = Array.from({ length: WRITERS }, async (_, writer) => {
      const via = writer % 2 === 0 ? store : replica;
      for (;;) {
        const current = await via.get(Secret, key);
        if (!current) throw new Error('The counter is gone.');
        const n = String(Number(current.spec.data['n']) + 1);
        const done = await via.update(Secret, { ...current, spec: { data: { n } } }, loop).catch((error: unknown) => {
          if (isFault(error, 'Conflict')) return undefined;
          throw error;
        });
        if (done) return;
      }
    });
    await Promise.all(increments);
    const counted = await store.get(Secret, key);
    expect(counted?.spec.data['n']).toBe(String(WRITERS));
    expect(counted?.metadata.generation).toBe(created.metadata.generation + WRITERS);
  });

  it('lets exactly one of many create the same name', async () => {
    const { store } = await make();
    const tries = Array.from({ length: WRITERS }, () => store.create(Secret, secretManifest('one'), loop));
    const results = await Promise.allSettled(tries);
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const result of results) {
      if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'AlreadyExists' });
    }
  });

  it('commits nothing of a leader once another has taken over', { timeout: 60_000 }, async () => {
    const { store, leases, another } = await make();
    const replica = another ? await another() : store;
    const first = await leases.acquire('controller', 'one', 60_000);
    const fence = 'epoch' in first ? first.epoch : 0n;
    const versions: bigint[] = [];
    const oldLeader = Array.from({ length: 20 }, async (_, writer) => {
      for (let n = 0; ; n += 1) {
        await breathe();
        const manifest = secretManifest(`w${writer}-${n}`);
        const { metadata } = await (writer % 2 === 0 ? store : replica).create(Secret, manifest, { ...loop, fence });
        versions.push(BigInt(metadata.resourceVersion));
      }
    });
    const ended = Promise.allSettled(oldLeader);
    await pause(30);
    await leases.release('controller', 'one', fence);
    const second = await leases.acquire('controller', 'two', 60_000);
    let takenOverAt = BigInt(await store.currentVersion());
    for (const result of await ended) expect(result).toMatchObject({ reason: { code: 'Fenced' } });
    // What was under way may still arrive, but nothing that was begun afterwards.
    if (!fencesAtomically) takenOverAt = BigInt(await store.currentVersion());
    expect(versions.every((version) => version <= takenOverAt)).toBe(true);
    expect(BigInt(await store.currentVersion())).toBe(takenOverAt);
    await expectFault(store.create(Secret, secretManifest('late'), { ...loop, fence }), 'Fenced');
    await store.create(Secret, secretManifest('new'), { ...loop, fence: 'epoch' in second ? second.epoch : 0n });
  });
}

function expectNothingLost({ told, watched }: Account, { acknowledged }: Ledger): void {
  const inOrder = [...told.keys()];
  expect(inOrder).toEqual([...inOrder].sort((a, b) => (a < b ? -1 : 1)));
  for (const [version, what] of acknowledged) {
    const wasWatching = watched.some(({ after, upTo }) => version > after && version <= upTo);
    if (wasWatching) expect([version, told.get(version)]).toEqual([version, what]);
  }
}

async function writeAtRandom(store: ResourceStore, writer: number, times: number, ledger: Ledger): Promise<void> {
  for (let n = 0; n < times; n += 1) {
    const name = `s${Math.floor(Math.random() * OBJECTS)}`;
    const unique = `${writer}-${n}`;
    // Stores without input and output would otherwise never let timers and watchers have their turn.
    await breathe();
    try {
      const current = await store.get(Secret, { namespace, name });
      await breathe();
      const chance = Math.random();
      if (!current) {
        acknowledge(ledger, await store.create(Secret, secretManifest(name, { v: unique }), person));
      } else if (chance < 0.15) {
        await store.delete(Secret, { namespace, name }, person);
      } else if (chance < 0.5) {
        const status = { conditions: [], keys: [{ name: 'v', digest: unique }] };
        acknowledge(ledger, await store.updateStatus(Secret, { ...current, status }, loop));
      } else {
        acknowledge(ledger, await store.update(Secret, { ...current, spec: { data: { v: unique } } }, person));
      }
    } catch (error) {
      if (!isFault(error, 'Conflict', 'NotFound', 'AlreadyExists')) throw error;
      ledger.refused += 1;
    }
  }
}

function acknowledge({ acknowledged }: Ledger, object: Secret): void {
  const version = BigInt(object.metadata.resourceVersion);
  expect(acknowledged.has(version)).toBe(false);
  acknowledged.set(version, describe(object));
}

/** Everything that two changes of an object differ in. */
function describe({ metadata: { name, uid, generation }, spec, status }: Secret): string {
  return JSON.stringify({ name, uid, generation, data: spec.data, keys: status.keys });
}

async function snapshot(store: ResourceStore): Promise<Map<string, string>> {
  const { items } = await store.list(Secret);
  return new Map(items.map((object) => [object.metadata.name, describe(object)]));
}

async function compactNowAndThen(store: ResourceStore, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await store.compact({ keepMs: 0, keepChanges: 20 });
    await pause(15);
  }
}

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await pause(5);
}

interface Habits {
  start: bigint;
  reconnectAfter(): number;
  restMs(): number;
}

/** Lists and watches as an informer does, reconnecting now and then from the last version it knows. */
function keepAccount(store: ResourceStore, signal: AbortSignal, habits: Habits) {
  const account: Account = { told: new Map(), watched: [], objects: new Map(), reconnects: 0, relists: 0 };
  let known = habits.start;
  const running = (async () => {
    while (!signal.aborted) {
      const after = known;
      try {
        await watchFor(habits.reconnectAfter());
        account.reconnects += 1;
      } catch (error) {
        if (!isFault(error, 'Expired')) throw error;
        const page = await store.list(Secret);
        account.objects = new Map(page.items.map((object) => [object.metadata.name, describe(object)]));
        account.relists += 1;
        account.watched.push({ after, upTo: known });
        known = BigInt(page.resourceVersion);
        continue;
      }
      account.watched.push({ after, upTo: known });
      await pause(habits.restMs());
    }
  })();

  async function watchFor(count: number): Promise<void> {
    const reconnect = new AbortController();
    const either = AbortSignal.any([signal, reconnect.signal]);
    let left = count;
    for await (const event of store.watch(Secret, { since: String(known), signal: either, bookmarks: true })) {
      note(event);
      left -= 1;
      if (left <= 0) return;
    }
  }

  function note(event: WatchEvent<Secret>): void {
    if (event.type === 'BOOKMARK') {
      expect(BigInt(event.resourceVersion) >= known).toBe(true);
      known = BigInt(event.resourceVersion);
      return;
    }
    const { name, resourceVersion } = event.object.metadata;
    expect(BigInt(resourceVersion) > known).toBe(true);
    known = BigInt(resourceVersion);
    account.told.set(known, describe(event.object));
    expect(account.objects.has(name)).toBe(event.type !== 'ADDED');
    if (event.type === 'DELETED') account.objects.delete(name);
    else account.objects.set(name, describe(event.object));
  }

  return {
    async caughtUpWith(version: bigint): Promise<Account> {
      await Promise.race([running, until(() => known >= version)]);
      return account;
    },
  };
}
