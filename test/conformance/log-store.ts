import { describe, expect, it } from 'vitest';
import type { LogLine, LogStore } from '../../controller/logs.ts';

const stream = 'guest/1';
const never = new AbortController().signal;
const epoch = Date.UTC(2026, 0, 1);

function line(position: number, text = `line ${position}`): LogLine {
  return { position, time: new Date(epoch + position * 1000), source: position % 2 === 0 ? 'stdout' : 'stderr', text };
}

function lines(from: number, to: number): LogLine[] {
  return Array.from({ length: to - from + 1 }, (_, index) => line(from + index));
}

/** The promises of `LogStore`. `make` answers an empty store each time. */
export function logStoreConformance(make: () => Promise<LogStore>): void {
  describe('appending and reading', () => {
    it('gives back lines in order of position, as they were', async () => {
      const store = await make();
      await store.append(stream, lines(3, 4), 4);
      await store.append(stream, [line(1, 'ü "quoted" \\ {x}, \t end')], 1);
      expect(await store.read(stream, {})).toEqual([line(1, 'ü "quoted" \\ {x}, \t end'), ...lines(3, 4)]);
      expect(await store.read('guest/other', {})).toEqual([]);
    });

    it('remembers where to resume, for each stream', async () => {
      const store = await make();
      expect(await store.resumeAt(stream)).toBeUndefined();
      await store.append(stream, lines(1, 2), 4_000_000_000_000);
      await store.append('build/1', [], 7);
      expect([await store.resumeAt(stream), await store.resumeAt('build/1')]).toEqual([4_000_000_000_000, 7]);
    });

    it('stores a line once, however often it is appended', async () => {
      const store = await make();
      await store.append(stream, lines(1, 3), 3);
      await store.append(stream, [...lines(1, 3), line(4)], 4);
      expect(await store.read(stream, {})).toEqual(lines(1, 4));
    });

    it('shows the replacement character for what a database cannot hold', async () => {
      const store = await make();
      await store.append(stream, [line(1, 'a\u0000b\ud800c')], 1);
      expect((await store.read(stream, {}))[0]?.text).toBe('a\uFFFDb\uFFFDc');
    });

    it('answers after a position, since a time, the newest, and at most so many', async () => {
      const store = await make();
      await store.append(stream, lines(1, 10), 10);
      const positions = async (query: object) => (await store.read(stream, query)).map(({ position }) => position);
      expect(await positions({ after: 7 })).toEqual([8, 9, 10]);
      expect(await positions({ after: 3, limit: 2 })).toEqual([4, 5]);
      expect(await positions({ tail: 3 })).toEqual([8, 9, 10]);
      expect(await positions({ tail: 0 })).toEqual([]);
      expect(await positions({ tail: 3, after: 8 })).toEqual([9, 10]);
      expect(await positions({ tail: 3, limit: 2 })).toEqual([8, 9]);
      expect(await positions({ since: new Date(epoch + 9_000) })).toEqual([9, 10]);
    });

    it('takes lines of many streams at once', async () => {
      const store = await make();
      const streams = Array.from({ length: 300 }, (_, index) => `guest/${index}`);
      for (const from of [1, 11]) {
        await Promise.all(streams.map((name) => store.append(name, lines(from, from + 9), from + 9)));
      }
      for (const name of ['guest/0', 'guest/150', 'guest/299']) {
        expect(await store.read(name, {})).toEqual(lines(1, 20));
        expect(await store.resumeAt(name)).toBe(20);
      }
    });

    it('keeps the order of appends to one stream that were not waited for', async () => {
      const store = await make();
      await Promise.all(Array.from({ length: 50 }, (_, index) => store.append(stream, [line(index)], index)));
      expect(await store.resumeAt(stream)).toBe(49);
      expect(await store.read(stream, {})).toHaveLength(50);
    });
  });

  describe('removing and trimming', () => {
    it('forgets a removed stream, and begins anew when it is written to again', async () => {
      const store = await make();
      await store.append(stream, lines(1, 3), 3);
      await store.remove(stream);
      await store.remove(stream);
      expect([await store.resumeAt(stream), await store.read(stream, {})]).toEqual([undefined, []]);
      await store.append(stream, [line(1, 'new')], 1);
      expect(await store.read(stream, {})).toEqual([line(1, 'new')]);
    });

    it('drops the oldest lines beyond a size, of every stream, and not the place to resume', async () => {
      const store = await make();
      const wide = (position: number) => line(position, 'é'.repeat(50));
      await store.append(
        stream,
        Array.from({ length: 10 }, (_, index) => wide(index)),
        10,
      );
      await store.append('guest/small', [wide(1)], 1);
      await store.trim(350);
      expect((await store.read(stream, {})).map(({ position }) => position)).toEqual([7, 8, 9]);
      expect(await store.read('guest/small', {})).toHaveLength(1);
      expect(await store.resumeAt(stream)).toBe(10);
      await store.append(stream, [wide(10)], 11);
      await store.trim(350);
      expect((await store.read(stream, {})).map(({ position }) => position)).toEqual([8, 9, 10]);
    });

    it('drops even the newest line when it alone is too long', async () => {
      const store = await make();
      await store.append(stream, [line(1, 'x'.repeat(500))], 1);
      await store.trim(100);
      expect(await store.read(stream, {})).toEqual([]);
    });
  });

  describe('waiting', () => {
    it('resolves when the stream grows', async () => {
      const store = await make();
      const changed = store.changed(stream, 60_000, never);
      await store.append(stream, lines(1, 1), 1);
      await changed;
    });

    it('resolves after the time given, and when told to', async () => {
      const store = await make();
      await store.changed(stream, 5, never);
      const stop = new AbortController();
      const changed = store.changed(stream, 60_000, stop.signal);
      stop.abort();
      await changed;
    });
  });
}
