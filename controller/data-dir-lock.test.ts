import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lockDataDir } from './data-dir-lock.ts';

describe('lockDataDir', () => {
  let folder = '';

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'containr-lock-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('refuses a folder that a living process has, naming the process', () => {
    const lock = lockDataDir(folder);
    expect(() => lockDataDir(folder)).toThrow(`in use by process ${process.pid}`);
    lock.release();
    lockDataDir(folder).release();
  });

  it.each([
    ['a process that is gone', '999999 1\n'],
    ['another process with the same id', `${process.pid} 1\n`],
    ['nothing that makes sense', 'x'],
  ])('takes over what was left by %s', (_, left) => {
    writeFileSync(join(folder, 'controller.pid'), left);
    expect(() => lockDataDir(folder)).not.toThrow();
  });
});
