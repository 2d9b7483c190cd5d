import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { InitArch } from './init-binary.ts';

const run = promisify(execFile);

/** Something that turns C into a static binary for one processor. */
export interface Toolchain {
  command: string;
  before: string[];
  after: string[];
  /** Compiler, linker and C library: the same identity gives the same bytes. */
  identity: string;
}

/** The supervisor's: the first includes the others. */
export const initSources: readonly string[] = ['init.c', 'runs.c', 'sealed.c', 'tree.c', 'usage.c'];

/** Nothing that differs from one machine or day to the next may get into the binary. */
const flags = [
  '-std=c11',
  '-static',
  '-Os',
  '-Wall',
  '-Wextra',
  '-Werror',
  '-fstack-protector-strong',
  '-ffunction-sections',
  '-fdata-sections',
  '-fno-asynchronous-unwind-tables',
  '-fno-ident',
  '-ffile-prefix-map=./=',
  '-Wl,--gc-sections,--build-id=none,-z,noexecstack',
  '-s',
];

/**
 * The best toolchain this machine has for the processor: musl where it can, for the GNU C library makes a binary eight
 * times the size. `muslRoot` is a folder into which Debian's musl-dev of that processor was unpacked.
 */
export async function findToolchain(arch: InitArch, muslRoot = '/'): Promise<Toolchain | undefined> {
  const native = process.arch === (arch === 'amd64' ? 'x64' : 'arm64');
  const machine = arch === 'amd64' ? 'x86_64' : 'aarch64';
  const library = join(muslRoot, `usr/lib/${machine}-linux-musl`);
  if (native && (await versionOf('musl-gcc'))) return describe('musl-gcc', [], [], join(library, 'libc.a'));

  const compiler = native ? 'cc' : `${machine}-linux-gnu-gcc`;
  if (!(await versionOf(compiler))) return undefined;
  if (native || !existsSync(join(library, 'libc.a'))) return describe(compiler, [], []);
  return describeCross(compiler, library, join(muslRoot, `usr/include/${machine}-linux-musl`));
}

/** Compiles a C file of this folder; throws with the compiler's own words when it does not compile. */
export async function compileGuestC(toolchain: Toolchain, source: string, output: string): Promise<void> {
  const words = [...toolchain.before, source, '-o', output, ...toolchain.after];
  await run(toolchain.command, [...flags, ...words], {
    cwd: fileURLToPath(guestSources()),
    env: { ...process.env, LC_ALL: 'C' },
    timeout: 120_000,
  });
}

/** The folder init.c lies in, also seen from a release in dist/guest/. */
export function guestSources(): URL {
  const beside = new URL('./', import.meta.url);
  return existsSync(new URL('init.c', beside)) ? beside : new URL('../../guest/', import.meta.url);
}

/** musl's wrapper exists for the machine's own processor only; for another one it is spelled out. */
async function describeCross(compiler: string, library: string, include: string): Promise<Toolchain> {
  const ask = async (word: string): Promise<string> => (await run(compiler, [word])).stdout.trim();
  const before = ['-nostdlib', '-nostdinc', '-isystem', include, '-isystem', await ask('-print-file-name=include')];
  before.push('-fno-pie', '-no-pie', '-mno-outline-atomics', '-Wl,-z,norelro');
  before.push(join(library, 'crt1.o'), join(library, 'crti.o'));
  const after = [join(library, 'libc.a'), await ask('-print-libgcc-file-name'), join(library, 'crtn.o')];
  return describe(compiler, before, after, join(library, 'libc.a'));
}

async function describe(command: string, before: string[], after: string[], musl?: string): Promise<Toolchain> {
  const library = musl && existsSync(musl) ? `musl ${digest(await readFile(musl)).slice(0, 16)}` : 'its own C library';
  const linker = await versionOf((await run(command, ['-print-prog-name=ld'])).stdout.trim());
  return { command, before, after, identity: [await versionOf(command), linker, library].join(', ') };
}

async function versionOf(program: string): Promise<string | undefined> {
  try {
    return (await run(program, ['--version'])).stdout.split('\n')[0];
  } catch {
    return undefined; // not installed
  }
}

function digest(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
