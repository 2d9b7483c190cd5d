import { mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { BuildpackPlan, BuildpackRequest, Buildpacks, BuildpackTool } from './client.ts';
import { BuildpackFault } from './fault.ts';
import { missingTool } from './install.ts';
import { runProgram, type ProgramEnd } from './run-program.ts';

interface HostBuildpacksOptions {
  /** PATH that the programs are looked for on, and see themselves. */
  path: string;
  /** A folder of ours: HOME of the programs, where they keep what they downloaded. */
  homeDir: string;
  /** Of one run. */
  timeoutMs?: number;
}

const VERSION_TIMEOUT_MS = 15_000;

/** What nixpacks says when asked for its plan, as far as it is used here. */
const NixpacksPlan = z.object({ variables: z.record(z.string(), z.string()).nullish() });

/** Railpack and Nixpacks as programs of this host. */
export function createHostBuildpacks({ path, homeDir, timeoutMs = 5 * 60_000 }: HostBuildpacksOptions): Buildpacks {
  const env = { PATH: path, HOME: homeDir, LC_ALL: 'C.UTF-8', NO_COLOR: '1', CI: 'true' };

  async function run(
    tool: BuildpackTool,
    args: readonly string[],
    signal: AbortSignal,
    onLine: (line: string) => void = () => undefined,
  ): Promise<string> {
    return outputOf(tool, await runProgram(tool, { args, env, cwd: homeDir, timeoutMs, signal, onLine }));
  }

  async function railpack(
    request: BuildpackRequest,
    onLog: (line: string) => void,
    signal: AbortSignal,
  ): Promise<BuildpackPlan> {
    const planFile = join(request.outDir, 'railpack-plan.json');
    const frontend = `ghcr.io/railwayapp/railpack-frontend:v${await versionOf('railpack', signal)}`;
    // It takes a list apart at its commas. The values themselves reach the build as mounts; a name is enough here.
    const variables = Object.entries(request.variables).map(([name, value]) => [
      name,
      value.includes(',') ? '' : value,
    ]);
    const asked = wishes({ ...request, variables: Object.fromEntries(variables) });
    await run('railpack', ['prepare', `--plan-out=${planFile}`, ...asked, request.contextDir], signal, onLog);
    await demandFile('railpack', planFile);
    return { kind: 'frontend', contextDir: request.contextDir, planFile, frontend };
  }

  async function nixpacks(
    request: BuildpackRequest,
    onLog: (line: string) => void,
    signal: AbortSignal,
  ): Promise<BuildpackPlan> {
    // The Dockerfile only names its arguments; their values are in the plan, which is a run of its own.
    const plan = await run('nixpacks', ['plan', '--format=json', ...wishes(request), request.contextDir], signal);
    // Without a cache there are no cache mounts in the Dockerfile, which only BuildKit would understand.
    const options = [`--out=${request.outDir}`, '--no-cache', '--no-error-without-start'];
    await run('nixpacks', ['build', ...options, ...wishes(request), request.contextDir], signal, onLog);
    const dockerfile = '.nixpacks/Dockerfile';
    await demandFile('nixpacks', join(request.outDir, dockerfile));
    return { kind: 'dockerfile', contextDir: request.outDir, dockerfile, args: variablesOf(plan) };
  }

  async function versionOf(tool: BuildpackTool, signal: AbortSignal): Promise<string> {
    const version = await look(tool, signal);
    if (version === undefined) throw missingTool(tool);
    return version;
  }

  async function look(tool: BuildpackTool, signal: AbortSignal): Promise<string | undefined> {
    await mkdir(homeDir, { recursive: true, mode: 0o700 });
    const options = { args: ['--version'], env, cwd: homeDir, timeoutMs: VERSION_TIMEOUT_MS, signal };
    const ended = await runProgram(tool, options);
    if (ended.end !== 'exited' || ended.code !== 0) return undefined;
    return /\d+(\.\d+){1,3}(-[0-9A-Za-z.]+)?/.exec(ended.stdout)?.[0];
  }

  return {
    version: look,
    async prepare(tool, request, onLog, signal) {
      await mkdir(homeDir, { recursive: true, mode: 0o700 });
      await mkdir(request.outDir, { recursive: true });
      return tool === 'railpack' ? railpack(request, onLog, signal) : nixpacks(request, onLog, signal);
    },
  };
}

/** One argument each, the value behind "=": whatever it begins with, it is no option. Of secrets only the name is told. */
function wishes({ buildCommand, startCommand, variables, secretNames }: BuildpackRequest): string[] {
  return [
    ...(buildCommand === undefined ? [] : [`--build-cmd=${buildCommand}`]),
    ...(startCommand === undefined ? [] : [`--start-cmd=${startCommand}`]),
    ...Object.entries(variables).map(([name, value]) => `--env=${name}=${value}`),
    ...secretNames.map((name) => `--env=${name}=`),
  ];
}

function outputOf(tool: BuildpackTool, ended: ProgramEnd): string {
  switch (ended.end) {
    case 'absent':
      throw missingTool(tool);
    case 'late':
      throw new BuildpackFault('late', `${tool} did not end in time. It is tried again.`);
    case 'exited': {
      if (ended.code === 0) return ended.stdout;
      const last = ended.lastLines.findLast((line) => line.trim() !== '')?.slice(0, 300) ?? 'It said nothing';
      throw new BuildpackFault(
        'failed',
        `${tool} found no way to build the source (exit code ${ended.code}): ${last}. Add a Dockerfile, or set build.buildCommand and build.startCommand.`,
      );
    }
    default:
      return ended satisfies never;
  }
}

async function demandFile(tool: BuildpackTool, path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isFile()) return;
  throw new BuildpackFault('failed', `${tool} ended well but wrote no plan. Update it: its options may have changed.`);
}

function variablesOf(plan: string): Record<string, string> {
  try {
    return NixpacksPlan.parse(JSON.parse(plan)).variables ?? {};
  } catch (cause) {
    throw new BuildpackFault('failed', 'nixpacks gave a plan that cannot be read. Update it.', { cause });
  }
}
