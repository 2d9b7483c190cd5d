import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { folderHolder, takeFolder } from './folder-lock.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'containr-lock-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('takeFolder', () => {
  it('refuses a folder that a living process has, naming it, until it is given back', () => {
    const release = takeFolder(folder);
    expect(folderHolder(folder)).toBe(process.pid);
    expect(() => takeFolder(folder)).toThrow(`process ${process.pid}`);
    release();
    expect(folderHolder(folder)).toBeUndefined();
    takeFolder(folder)();
  });

  it('takes over what a process left that is gone, or whose id another has now', () => {
    const { pid } = spawnSync('true');
    for (const text of [`${pid} 1`, `${process.pid} 1`, 'rubbish', '', '-1 1']) {
      writeFileSync(join(folder, 'dev.pid'), text);
      expect(folderHolder(folder)).toBeUndefined();
      takeFolder(folder)();
    }
  });
});
