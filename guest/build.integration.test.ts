import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const run = promisify(execFile);

it('the committed binaries are what init.c compiles to, as far as this machine can tell', async () => {
  const build = fileURLToPath(new URL('./build.ts', import.meta.url));
  const { stdout } = await run(process.execPath, [build, '--check']);
  console.log(stdout);
  expect(stdout).toMatch(/init-amd64: .*\ninit-arm64: /);
});
