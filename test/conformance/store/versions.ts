import { expect, it } from 'vitest';
import { z } from 'zod';
import { API_VERSION } from '../../../crds/meta.ts';
import { CommonStatus, defineKind } from '../../../crds/define-kind.ts';
import { expectFault, follow, loop, names, person, words, type MakeStore } from './fixtures.ts';

const common = { plural: 'notes', scope: 'Cluster', description: 'A note.', status: CommonStatus } as const;

/** One kind as three versions of the program know it: later ones with a new field, and with a field that became a number. */
const Note = defineKind('Note', { ...common, columns: [], spec: z.strictObject({ text: z.string() }) });
const LaterNote = defineKind('Note', {
  ...common,
  columns: [],
  spec: z.strictObject({ text: z.string(), color: z.enum(['red', 'blue']).default('red') }),
});
const OtherNote = defineKind('Note', { ...common, columns: [], spec: z.strictObject({ text: z.coerce.number() }) });

function manifest(name: string, text: string) {
  return Note.parseManifest({ apiVersion: API_VERSION, kind: 'Note', metadata: { name }, spec: { text } });
}

export function versionBehaviour(make: MakeStore): void {
  it('fills in what came later, and does not take that for a change', async () => {
    const { store } = await make();
    await store.create(Note, manifest('a', 'old'), person);
    const read = await store.get(LaterNote, { name: 'a' });
    if (!read) throw new Error('The note is gone.');
    expect(read.spec).toEqual({ text: 'old', color: 'red' });
    const same = await store.update(LaterNote, read, loop);
    expect(same.metadata).toEqual(read.metadata);
    const labelled = { ...read, metadata: { ...read.metadata, labels: { a: 'b' } } };
    expect((await store.update(LaterNote, labelled, loop)).metadata.generation).toBe(1);
  });

  it('leaves what it cannot read out of lists and watches, where it hides nothing else', async () => {
    const { store } = await make();
    const start = await store.currentVersion();
    await store.create(Note, manifest('bad', 'no number'), person);
    await store.create(Note, manifest('good', '42'), person);
    expect(names((await store.list(OtherNote)).items)).toEqual(['good']);
    expect(names((await store.list(OtherNote, { limit: 1 })).items)).toEqual(['good']);
    const watch = follow(store, OtherNote, { since: start });
    await store.create(Note, manifest('bad-too', 'none either'), person);
    await store.create(Note, manifest('good-too', '7'), person);
    expect(words(await watch.told(2))).toEqual(['ADDED good', 'ADDED good-too']);
    await watch.stop();
  });

  it('says why it cannot read an object, changes nothing of it, and can delete it', async () => {
    const { store } = await make();
    const held = manifest('bad', 'no number');
    const bad = await store.create(
      Note,
      { ...held, metadata: { ...held.metadata, finalizers: ['example.com/held'] } },
      person,
    );
    await expectFault(store.get(OtherNote, { name: 'bad' }), 'Invalid');
    const guess = { ...bad, spec: { text: 1 } };
    await expectFault(store.update(OtherNote, guess, person), 'Invalid');
    await expectFault(
      store.updateStatus(OtherNote, { ...guess, status: { conditions: [], observedGeneration: 1 } }, loop),
      'Invalid',
    );
    expect(await store.get(Note, { name: 'bad' })).toEqual(bad);
    await expectFault(store.delete(OtherNote, { name: 'bad' }, person), 'Invalid');
    const marked = await store.get(Note, { name: 'bad' });
    if (!marked) throw new Error('The note is gone.');
    expect(marked.metadata.deletionTimestamp).toBeDefined();
    await store.update(Note, { ...marked, metadata: { ...marked.metadata, finalizers: [] } }, loop);
    await store.create(Note, manifest('bad', 'again'), person);
    expect(await store.delete(OtherNote, { name: 'bad' }, person)).toBeUndefined();
    expect(await store.get(Note, { name: 'bad' })).toBeUndefined();
  });
}
