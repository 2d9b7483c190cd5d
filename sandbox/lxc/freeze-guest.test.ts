import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { freezeCgroup } from './freeze-guest.ts';

describe('freezeCgroup', () => {
  let root = '';
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'containr-freeze-'));
    mkdirSync(join(root, 'guest'));
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  function layout(): Parameters<typeof freezeCgroup>[0] {
    return { controllers: new Map(), roots: [join(root, 'elsewhere'), root] };
  }

  it('answers once version 2 says that all stand still, and lets them go on', async () => {
    writeFileSync(join(root, 'guest', 'cgroup.freeze'), '0');
    writeFileSync(join(root, 'guest', 'cgroup.events'), 'populated 1\nfrozen 0\n');
    let stands = false;
    const freezing = freezeCgroup(layout(), 'guest', true).then((frozen) => (stands = frozen));
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(stands).toBe(false);
    expect(readFileSync(join(root, 'guest', 'cgroup.freeze'), 'utf8')).toBe('1');
    writeFileSync(join(root, 'guest', 'cgroup.events'), 'populated 1\nfrozen 1\n');
    expect(await freezing).toBe(true);
    expect(await freezeCgroup(layout(), 'guest', false)).toBe(true);
    expect(readFileSync(join(root, 'guest', 'cgroup.freeze'), 'utf8')).toBe('0');
  });

  it('uses the freezer of version 1 where there is no other', async () => {
    writeFileSync(join(root, 'guest', 'freezer.state'), 'THAWED');
    expect(await freezeCgroup(layout(), 'guest', true)).toBe(true);
    expect(readFileSync(join(root, 'guest', 'freezer.state'), 'utf8')).toBe('FROZEN');
  });

  it('says that nothing stands still where there is no freezer', async () => {
    expect(await freezeCgroup(layout(), 'guest', true)).toBe(false);
  });
});
