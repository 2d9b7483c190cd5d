import { describe, expect, it } from 'vitest';
import type { LogLine, LogStore } from '../../controller/logs.ts';
import { FakeClock } from '../../test/harness/fake-clock.ts';
import { BuildLog } from './build-log.ts';

function logged(lines: number, bytes = 1_000_000) {
  const stored: LogLine[] = [];
  const store: Pick<LogStore, 'append' | 'resumeAt'> = {
    append: async (_, added) => void stored.push(...added),
    resumeAt: async () => undefined,
  };
  const log = new BuildLog({
    store: { ...store, read: async () => [], changed: async () => {}, remove: async () => {}, trim: async () => {} },
    buildUid: 'u',
    clock: new FakeClock(),
    redact: (text) => text.replaceAll('hunter2', '[redacted]'),
    limits: { lines, bytes, newest: 3 },
  });
  return { log, stored, texts: () => stored.map(({ text }) => text) };
}

describe('BuildLog', () => {
  it('keeps all lines of a short log, in order and numbered', async () => {
    const { log, stored, texts } = logged(10);
    log.write('one\ntwo');
    log.write('three');
    await log.endStage();
    expect(texts()).toEqual(['one', 'two', 'three']);
    expect(stored.map(({ position }) => position)).toEqual([0, 1, 2]);
  });

  it('keeps the beginning and the newest lines of a long one, and says how many lie between', async () => {
    const { log, texts } = logged(2);
    for (let line = 1; line <= 10; line += 1) log.write(`line ${line}`);
    await log.endStage();
    log.write('last words');
    await log.endStage();
    expect(texts()).toEqual([
      'line 1',
      'line 2',
      expect.stringMatching(/log is long/),
      '… 5 lines are left out here …',
      'line 8',
      'line 9',
      'line 10',
      'last words',
    ]);
  });

  it('counts bytes too', async () => {
    const { log, texts } = logged(100, 20);
    for (let line = 0; line < 10; line += 1) log.write('0123456789');
    await log.endStage();
    expect(texts().filter((text) => text === '0123456789')).toHaveLength(5);
  });

  it('holds no value of a Secret', async () => {
    const { log, texts } = logged(10);
    log.write('token=hunter2');
    await log.endStage();
    expect(texts()).toEqual(['token=[redacted]']);
  });
});
