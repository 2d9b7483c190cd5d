import { createHash } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { compileGuestC, findToolchain, guestSources, initSources, type Toolchain } from './compile-init.ts';
import type { InitArch } from './init-binary.ts';

const usage = `node guest/build.ts [--check] [--musl-arm64 FOLDER]

Builds guest/prebuilt/init-amd64 and init-arm64 from guest/init.c with the compilers this machine has
(Debian: musl-tools, gcc-aarch64-linux-gnu).

  --check              build nothing; say whether the committed binaries are what init.c compiles to
  --musl-arm64 FOLDER  where Debian's musl-dev:arm64 was unpacked, on a machine that cannot install it`;

const arches: InitArch[] = ['amd64', 'arm64'];
const prebuilt = fileURLToPath(new URL('./prebuilt/', guestSources()));
const recordFile = join(prebuilt, 'built-with.json');

/** What each committed binary was made of, so that a check can tell "other bytes" from "other compiler". */
const BuildRecord = z.record(z.string(), z.object({ source: z.string(), toolchain: z.string(), sha256: z.string() }));
type BuildRecord = z.infer<typeof BuildRecord>;

const { values: options } = parseArgs({
  options: { check: { type: 'boolean' }, 'musl-arm64': { type: 'string' }, help: { type: 'boolean' } },
});
if (options.help) console.log(usage);
else if (options.check) process.exitCode = (await checkAll()) ? 0 : 1;
else await buildAll();

async function buildAll(): Promise<void> {
  await mkdir(prebuilt, { recursive: true });
  const record = await readRecord();
  for (const arch of arches) {
    const toolchain = await toolchainFor(arch);
    if (!toolchain) {
      console.log(`init-${arch}: left as it is, for there is no compiler for it here`);
      continue;
    }
    const bytes = await compile(toolchain);
    const path = join(prebuilt, `init-${arch}`);
    await writeFile(path, bytes);
    await chmod(path, 0o755);
    record[arch] = { source: await sourceDigest(), toolchain: toolchain.identity, sha256: digest(bytes) };
    console.log(`init-${arch}: ${bytes.length} bytes, ${toolchain.identity}`);
  }
  await writeFile(recordFile, `${JSON.stringify(record, undefined, 2)}\n`);
  const built = Object.entries(record).map(([arch, { sha256 }]) => `${sha256}  init-${arch}\n`);
  await writeFile(join(prebuilt, 'SHA256SUMS'), built.join(''));
}

async function checkAll(): Promise<boolean> {
  const record = await readRecord();
  let good = true;
  for (const arch of arches) {
    const problem = await check(arch, record);
    if (problem) console.error(`init-${arch}: ${problem}`);
    good &&= problem === undefined;
  }
  return good;
}

/** What is wrong with one committed binary, if anything; what could not be looked at is printed. */
async function check(arch: InitArch, record: BuildRecord): Promise<string | undefined> {
  const entry = record[arch];
  if (!entry) return 'there is none; run node guest/build.ts';
  if (digest(await readFile(join(prebuilt, `init-${arch}`))) !== entry.sha256)
    return 'it is not the file that was built';
  if (entry.source !== (await sourceDigest())) return 'it is older than init.c; run node guest/build.ts';

  const toolchain = await toolchainFor(arch);
  if (toolchain?.identity !== entry.toolchain) {
    const here = toolchain ? `here is ${toolchain.identity}` : 'there is no compiler for it here';
    console.log(`init-${arch}: not compared byte by byte; it was built with ${entry.toolchain}, ${here}`);
    return undefined;
  }
  if (digest(await compile(toolchain)) !== entry.sha256) return 'the same compiler makes other bytes of init.c';
  console.log(`init-${arch}: init.c compiles to exactly these bytes`);
  return undefined;
}

async function toolchainFor(arch: InitArch): Promise<Toolchain | undefined> {
  return findToolchain(arch, arch === 'arm64' ? options['musl-arm64'] : undefined);
}

async function compile(toolchain: Toolchain): Promise<Buffer> {
  const folder = await mkdtemp(join(tmpdir(), 'containr-init-'));
  try {
    await compileGuestC(toolchain, 'init.c', join(folder, 'init'));
    return await readFile(join(folder, 'init'));
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function readRecord(): Promise<BuildRecord> {
  const text = await readFile(recordFile, 'utf8').catch(() => '{}');
  return BuildRecord.parse(JSON.parse(text));
}

async function sourceDigest(): Promise<string> {
  return digest(Buffer.concat(await Promise.all(initSources.map((name) => readFile(new URL(name, guestSources()))))));
}

function digest(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
