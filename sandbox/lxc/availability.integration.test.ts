import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { lxcAvailability } from './availability.ts';

const isRoot = process.getuid?.() === 0;
if (!isRoot) console.log('A test of availability is skipped: only root can become another user.');

describe('lxcAvailability', () => {
  it('is a claim, or one sentence that says what is missing', async () => {
    const availability = await lxcAvailability();
    if (!availability.available) expect(availability.reason).toMatch(/^[A-Z].*\.$/);
  });

  it.skipIf(!isRoot)('asks for root', async () => {
    const module = JSON.stringify(new URL('availability.ts', import.meta.url).href);
    const program = `const { lxcAvailability } = await import(${module}); console.log(JSON.stringify(await lxcAvailability()));`;
    const options = { uid: 65_534, gid: 65_534 };
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', program], options);
    expect(JSON.parse(stdout)).toEqual({ available: false, reason: expect.stringContaining('need root') });
  });
});
