import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BuildpackRequest, Buildpacks, BuildpackTool } from './client.ts';
import { BuildpackFault } from './fault.ts';
import { missingTool } from './install.ts';

export interface FakeBuildpacks extends Buildpacks {
  /** Installs a version, or takes the program away. */
  install(tool: BuildpackTool, version: string | undefined): void;
  /** What was asked for, in order. */
  readonly requests: readonly { tool: BuildpackTool; request: BuildpackRequest }[];
}

/** Build programs in memory: they know sources with a package.json, and plan to copy them. Nothing is installed at first. */
export function createFakeBuildpacks(): FakeBuildpacks {
  const versions = new Map<BuildpackTool, string>();
  const requests: { tool: BuildpackTool; request: BuildpackRequest }[] = [];

  return {
    requests,

    install(tool, version) {
      if (version === undefined) versions.delete(tool);
      else versions.set(tool, version);
    },

    async version(tool, signal) {
      signal.throwIfAborted();
      return versions.get(tool);
    },

    async prepare(tool, request, onLog, signal) {
      signal.throwIfAborted();
      const version = versions.get(tool);
      if (version === undefined) throw missingTool(tool);
      requests.push({ tool, request: structuredClone(request) });
      const known = await readFile(join(request.contextDir, 'package.json')).catch(() => undefined);
      if (!known) throw new BuildpackFault('failed', `${tool} found no way to build the source. Add a Dockerfile.`);
      onLog(`${tool} ${version}: Node`);
      await mkdir(request.outDir, { recursive: true });
      const command = JSON.stringify(['/bin/sh', '-c', request.startCommand ?? 'npm start']);
      const dockerfile = `FROM scratch\nCOPY . /app\nCMD ${command}\n`;
      if (tool === 'railpack') {
        const planFile = join(request.outDir, 'railpack-plan.json');
        await writeFile(planFile, dockerfile);
        return { kind: 'frontend', contextDir: request.contextDir, planFile, frontend: `fake/railpack:v${version}` };
      }
      await cp(request.contextDir, request.outDir, { recursive: true });
      await mkdir(join(request.outDir, '.nixpacks'), { recursive: true });
      await writeFile(join(request.outDir, '.nixpacks/Dockerfile'), dockerfile);
      return {
        kind: 'dockerfile',
        contextDir: request.outDir,
        dockerfile: '.nixpacks/Dockerfile',
        args: { ...request.variables },
      };
    },
  };
}
