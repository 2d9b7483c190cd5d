import { describe, expect, it } from 'vitest';
import { Batcher, type Settled } from './batcher.ts';

interface Run {
  items: readonly string[];
  end(results: readonly Settled<string>[] | Error): void;
}

function harness(isPoisoned = false) {
  const runs: Run[] = [];
  const batcher = new Batcher<string, string>({
    maxItems: 3,
    run: (items) =>
      new Promise((resolve, reject) => {
        runs.push({ items, end: (results) => (results instanceof Error ? reject(results) : resolve(results)) });
      }),
    isPoisoned: () => isPoisoned,
    closed: () => new Error('closed'),
  });
  return { batcher, runs };
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
const good = (items: readonly string[]): Settled<string>[] => items.map((item) => ({ ok: true, answer: `${item}!` }));

describe('Batcher', () => {
  it('runs what came in together as one batch, and what came meanwhile as the next', async () => {
    const { batcher, runs } = harness();
    const answers = Promise.all(['a', 'b'].map((item) => batcher.submit(item)));
    await turn();
    const later = Promise.all(['c', 'd', 'e', 'f'].map((item) => batcher.submit(item)));
    expect(runs.map(({ items }) => items)).toEqual([['a', 'b']]);
    for (let index = 0; index < 3; index += 1) {
      runs[index]?.end(good(runs[index]?.items ?? []));
      await turn();
    }
    expect(runs.map(({ items }) => items)).toEqual([['a', 'b'], ['c', 'd', 'e'], ['f']]);
    expect([await answers, await later]).toEqual([
      ['a!', 'b!'],
      ['c!', 'd!', 'e!', 'f!'],
    ]);
  });

  it('refuses one item without touching the others', async () => {
    const { batcher, runs } = harness();
    const results = Promise.allSettled([batcher.submit('a'), batcher.submit('b')]);
    await turn();
    runs[0]?.end([
      { ok: false, error: new Error('no') },
      { ok: true, answer: 'b!' },
    ]);
    expect((await results).map(({ status }) => status)).toEqual(['rejected', 'fulfilled']);
  });

  it('tries each item alone when one of them spoils the batch', async () => {
    const { batcher, runs } = harness(true);
    const results = Promise.allSettled(['a', 'bad', 'c'].map((item) => batcher.submit(item)));
    await turn();
    runs[0]?.end(new Error('spoiled'));
    for (let index = 1; index <= 3; index += 1) {
      await turn();
      const items = runs[index]?.items ?? [];
      runs[index]?.end(items[0] === 'bad' ? new Error('spoiled') : good(items));
    }
    expect((await results).map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(runs.map(({ items }) => items)).toEqual([['a', 'bad', 'c'], ['a'], ['bad'], ['c']]);
  });

  it('fails the whole batch, and goes on with the next, when nobody could have been served', async () => {
    const { batcher, runs } = harness(false);
    const results = Promise.allSettled([batcher.submit('a'), batcher.submit('b')]);
    await turn();
    runs[0]?.end(new Error('away'));
    expect((await results).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    const next = batcher.submit('c');
    await turn();
    runs[1]?.end(good(['c']));
    expect(await next).toBe('c!');
  });

  it('finishes what it took when it is closed, and takes nothing more', async () => {
    const { batcher, runs } = harness();
    const answer = batcher.submit('a');
    await turn();
    const closed = batcher.close();
    await expect(batcher.submit('b')).rejects.toThrow('closed');
    runs[0]?.end(good(['a']));
    await closed;
    expect(await answer).toBe('a!');
  });
});
