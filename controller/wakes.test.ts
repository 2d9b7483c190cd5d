import { pino } from 'pino';
import { afterEach, describe, expect, it } from 'vitest';
import { FakeClock, settle } from '../test/harness/fake-clock.ts';
import { Kettle, kettleManifest, Lid, lidManifest } from '../test/harness/toy.ts';
import { Informer } from './informer.ts';
import { formatKey } from './object-key.ts';
import { settled } from './outcome.ts';
import { telling, type Reconciler } from './reconciler.ts';
import { ResourceCache } from './resource-cache.ts';
import { createMemoryStore } from './store/memory-store.ts';
import { followWakes } from './wakes.ts';

const user = { manager: 'test' };
const stops: AbortController[] = [];
afterEach(() => stops.splice(0).forEach((stop) => stop.abort()));

/** What a loop for kettles is told, from two kettles and a lid on. */
async function make(loop: Partial<Reconciler<Kettle>>) {
  const clock = new FakeClock();
  const store = createMemoryStore({ clock });
  const lines: string[] = [];
  const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(line) });
  const cache = new ResourceCache((kind) => new Informer({ kind, store, clock, log }));
  for (const kind of [Kettle, Lid]) cache.follow(kind);
  const [tea, coffee] = await Promise.all(
    ['tea', 'coffee'].map((name) => store.create(Kettle, kettleManifest(name), user)),
  );
  if (!tea || !coffee) throw new Error('There are no kettles.');
  const lid = await store.create(Lid, lidManifest('lid', tea), user);
  const stop = new AbortController();
  stops.push(stop);
  for (const informer of cache.informers) void informer.run(stop.signal);
  await settle();
  const told: string[] = [];
  const tell = (what: string) => (key: { namespace?: string | undefined; name: string }) =>
    void told.push(`${what} ${formatKey(key)}`);
  const end = followWakes<Kettle>(
    { kind: Kettle, reconcile: async () => settled(), ...loop },
    cache,
    { changed: tell('changed'), woken: tell('woken'), gathered: tell('gathered'), gone: tell('gone') },
    log,
  );
  return { store, tea, coffee, lid, told, lines, end };
}

describe('followWakes', () => {
  it('tells what was changed and what is gone, but not what only has a new status', async () => {
    const { store, tea, told } = await make({});
    await store.updateStatus(Kettle, { ...tea, status: { ...tea.status, hot: true } }, user);
    const current = await store.get(Kettle, tea.metadata);
    if (current) await store.update(Kettle, { ...current, metadata: { ...current.metadata, finalizers: [] } }, user);
    await store.delete(Kettle, tea.metadata, user);
    await settle();
    expect(told).toEqual(['changed home/tea', 'gone home/tea']);
  });

  it('gathers statuses that are only told of, and wakes for all else', async () => {
    const { store, lid, told } = await make({
      owns: [Lid],
      gathers: { forMs: 1_000, only: [telling(Lid, () => true)] },
    });
    await store.updateStatus(Lid, { ...lid, status: { ...lid.status, observedGeneration: 1 } }, user);
    await settle();
    expect(told).toEqual(['gathered home/tea']);
    await store.delete(Lid, lid.metadata, user);
    await settle();
    expect(told).toEqual(['gathered home/tea', 'woken home/tea']);
  });

  it('wakes the old and the new owner of what changes hands', async () => {
    const { store, coffee, lid, told } = await make({ owns: [Lid] });
    const { ownerReferences = [] } = lidManifest('lid', coffee).metadata;
    await store.update(Lid, { ...lid, metadata: { ...lid.metadata, ownerReferences } }, user);
    await settle();
    expect(told.sort()).toEqual(['woken home/coffee', 'woken home/tea']);
  });

  it('wakes nobody for what has no owner of this kind', async () => {
    const { store, tea, lid, told } = await make({ owns: [Lid] });
    const ownerReferences = lid.metadata.ownerReferences?.map((owner) => ({ ...owner, kind: 'Pot' }));
    const other = lidManifest('other', tea);
    await store.create(Lid, { ...other, metadata: { ...other.metadata, ownerReferences } }, user);
    await settle();
    expect(told).toEqual([]);
  });

  it('asks for the objects concerned before and after a change, with what there was before', async () => {
    const asked: string[] = [];
    const { store, lid } = await make({
      watches: [
        {
          kind: Lid,
          keysOf(changed: Lid, _, previous?: Lid) {
            asked.push(`${changed.spec.size}, before ${previous?.spec.size}`);
            return [];
          },
        },
      ],
    });
    await store.update(Lid, { ...lid, spec: { size: 2 } }, user);
    await settle();
    expect(asked).toEqual(['2, before 1', '1, before 1']);
  });

  it('goes on after a mapping that fails, and says so', async () => {
    const { store, tea, lid, told, lines } = await make({
      owns: [Lid],
      watches: [
        {
          kind: Lid,
          keysOf() {
            throw new Error('broken');
          },
        },
      ],
    });
    await store.update(Lid, { ...lid, spec: { size: 2 } }, user);
    await settle();
    expect(told).toContain(`woken home/${tea.metadata.name}`);
    expect(lines.join()).toContain('keysOf failed for Lid lid');
  });

  it('tells nothing any more after its end', async () => {
    const { store, tea, told, end } = await make({});
    end();
    await store.update(Kettle, { ...tea, spec: { ...tea.spec, litres: 2 } }, user);
    await settle();
    expect(told).toEqual([]);
  });
});
