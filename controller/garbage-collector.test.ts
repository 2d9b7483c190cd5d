import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { Fault } from './errors.ts';
import { GarbageCollector } from './garbage-collector.ts';

function make(answer: () => Promise<number>, fence: () => bigint = () => 1n) {
  const lines: string[] = [];
  const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(line) });
  let running = 0;
  let most = 0;
  let collections = 0;
  const store = {
    async collectGarbage() {
      collections += 1;
      most = Math.max(most, ++running);
      try {
        return await answer();
      } finally {
        running -= 1;
      }
    },
  };
  const collector = new GarbageCollector({ store, log, fence });
  return { collector, lines, collections: () => collections, most: () => most };
}

describe('GarbageCollector', () => {
  it('collects once for what is asked for at once', async () => {
    const { collector, collections } = make(async () => 0);
    await Promise.all([collector.collect(), collector.collect(), collector.collect()]);
    expect(collections()).toBe(1);
  });

  it('collects once more for what is asked for during a collection, one at a time', async () => {
    const gate = Promise.withResolvers<number>();
    const { collector, collections, most } = make(() => gate.promise);
    const first = collector.collect();
    await new Promise((resolve) => setImmediate(resolve));
    const second = collector.collect();
    gate.resolve(0);
    await Promise.all([first, second]);
    expect([collections(), most()]).toEqual([2, 1]);
  });

  it('says how much it removed, and why it could not', async () => {
    const answers = [Promise.resolve(3), Promise.reject(new Fault('Unavailable', 'Away.'))];
    const { collector, lines } = make(() => answers.shift() ?? Promise.resolve(0));
    await collector.collect();
    await collector.collect();
    await collector.collect();
    expect(lines.length).toBe(2);
    expect(lines[0]).toContain('"removed":3');
    expect(lines[1]).toContain('could not be removed');
  });

  it('touches nothing in a process that does not lead', async () => {
    const { collector, collections, lines } = make(
      async () => 0,
      () => {
        throw new Fault('Fenced', 'Not the leader.');
      },
    );
    await collector.collect();
    expect([collections(), lines]).toEqual([0, []]);
  });
});
