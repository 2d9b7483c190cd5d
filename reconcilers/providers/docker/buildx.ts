import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runProgram } from '../buildpack/run-program.ts';
import { buildxArguments } from './buildx-arguments.ts';
import { createBuildxOutput } from './buildx-output.ts';
import type { BuildRequest } from './client.ts';
import type { DockerAccess } from './connect.ts';
import { DockerFault } from './fault.ts';
import { dockerConfigFile } from './registry-logins.ts';

/** BuildKit of an engine, through the docker program: its protocol for files and secrets is spoken by nothing smaller. */
export interface Buildx {
  version(signal: AbortSignal): Promise<string | undefined>;
  build(
    request: BuildRequest,
    onLog: (line: string) => void,
    onProgress: (percent: number) => void,
    signal: AbortSignal,
  ): Promise<{ imageId: string }>;
}

export interface BuildxOptions {
  /** PATH that the docker program is looked for on. */
  path: string;
  /** For files of one build: credentials, certificates. */
  workDir: string;
}

const VERSION_TIMEOUT_MS = 15_000;
/** Who waits for a build has a deadline; this is for a program that hangs although it was told to end. */
const BUILD_TIMEOUT_MS = 24 * 3_600_000;

/** Makes the client for one engine. Nothing is run yet. */
export function createBuildx(access: DockerAccess, { path, workDir }: BuildxOptions): Buildx {
  const base = { PATH: path, LC_ALL: 'C.UTF-8' };

  async function version(signal: AbortSignal): Promise<string | undefined> {
    const run = { args: ['buildx', 'version'], env: { ...base, HOME: workDir }, cwd: '/', signal };
    const ended = await runProgram('docker', { ...run, timeoutMs: VERSION_TIMEOUT_MS });
    if (ended.end !== 'exited' || ended.code !== 0) return undefined;
    return /v?(\d+\.\d+\.\d+\S*)/.exec(ended.stdout)?.[1];
  }

  return {
    version,
    async build(request, onLog, onProgress, signal) {
      if ((await version(signal)) === undefined) throw missing();
      if (access.endpoint.startsWith('ssh:')) throw overSsh();
      const folder = await mkdtemp(join(workDir, 'buildx-'));
      try {
        const { args, env } = buildxArguments(request, join(folder, 'image-id'));
        const engine = await engineEnv(access, request, folder);
        const output = createBuildxOutput(onLog, onProgress);
        const ended = await runProgram('docker', {
          args,
          env: { ...base, HOME: folder, ...engine, ...env },
          cwd: folder,
          timeoutMs: BUILD_TIMEOUT_MS,
          signal,
          onLine: (line) => output.add(line),
        });
        if (ended.end !== 'exited' || ended.code !== 0) throw output.failure();
        onProgress(100);
        return { imageId: (await readFile(join(folder, 'image-id'), 'utf8')).trim() };
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    },
  };
}

/** Which engine, and who we are to it and to registries: by files that only this user reads. */
async function engineEnv(
  { endpoint, tls }: DockerAccess,
  { registries = {} }: BuildRequest,
  folder: string,
): Promise<Record<string, string>> {
  await writeFile(join(folder, 'config.json'), dockerConfigFile(registries), { mode: 0o600 });
  const env = { DOCKER_HOST: endpoint, DOCKER_CONFIG: folder };
  if (!tls) return env;
  for (const name of ['ca', 'cert', 'key'] as const)
    await writeFile(join(folder, `${name}.pem`), tls[name], { mode: 0o600 });
  return { ...env, DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: folder };
}

function missing(): DockerFault {
  return new DockerFault(
    'toolMissing',
    'The build needs BuildKit: a plan of Railpack, build.secrets, or lines of the Dockerfile such as RUN --mount. ' +
      'Install the docker program with buildx where the controller runs: apt install docker-cli docker-buildx, and let the Builder ' +
      'name an engine of version 23 or newer. It is looked for again.',
  );
}

function overSsh(): DockerFault {
  return new DockerFault(
    'invalid',
    'BuildKit is not reached through ssh://. Let the Builder name its engine by unix:// or tcp:// with TLS.',
  );
}
