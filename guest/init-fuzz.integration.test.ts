import { execFile, execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';

const run = promisify(execFile);
const folder = await mkdtemp(join(tmpdir(), 'containr-fuzz-'));
const fuzz = join(folder, 'fuzz');
const compiled = compileFuzz();
if (!compiled) console.warn('skipped: fuzzing needs Linux and a C compiler with its sanitizers (Debian: gcc)');

describe.skipIf(!compiled)('the supervisor under random bytes', () => {
  afterAll(() => rm(folder, { recursive: true }));

  it.each([1, 10_001])(
    'reads and writes only its own memory, and keeps its promises, from seed %d on',
    async (seed) => {
      const data = join(folder, `${seed}`);
      await mkdir(data);
      const answer = await run(fuzz, [data, `${seed}`, '150'], {
        env: { ASAN_OPTIONS: 'detect_leaks=1:abort_on_error=1', UBSAN_OPTIONS: 'abort_on_error=1' },
      }).then(
        () => 'no fault',
        (error: Error & { stderr: string }) => error.stderr.slice(-4000),
      );
      expect(answer).toBe('no fault');
    },
  );
});

/** False where there are no sanitizers; a program that does not compile is a fault. */
function compileFuzz(): boolean {
  if (process.platform !== 'linux') return false;
  const sanitizers = ['-fsanitize=address,undefined', '-fno-sanitize-recover=all'];
  try {
    execFileSync('cc', [...sanitizers, '-o', fuzz, '-x', 'c', '-'], { input: 'int main(void) { return 0; }' });
  } catch {
    return false;
  }
  const source = fileURLToPath(new URL('./testing/fuzz.c', import.meta.url));
  execFileSync('cc', ['-std=c11', '-g', '-O1', '-Wall', '-Wextra', '-Werror', ...sanitizers, '-o', fuzz, source]);
  return true;
}
