import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compileGuestC, findToolchain } from '../../../guest/compile-init.ts';
import type { DevEnvironment } from '../dev-environment.ts';

/** Why the application cannot be compiled here, or undefined when it can. */
export async function obstacleToApplication(): Promise<string | undefined> {
  if (!(await findToolchain(process.arch === 'arm64' ? 'arm64' : 'amd64'))) return 'no C compiler is installed';
  return undefined;
}

/** The application as a repository with one commit: one static file in an image FROM scratch. */
export async function makeApplication(dev: DevEnvironment): Promise<void> {
  mkdirSync(dev.repository, { recursive: true });
  const toolchain = await findToolchain(process.arch === 'arm64' ? 'arm64' : 'amd64');
  if (!toolchain) throw new Error('No C compiler is installed.');
  await compileGuestC(toolchain, join(import.meta.dirname, 'server.c'), join(dev.repository, 'server'));
  const dockerfile = 'FROM scratch\nCOPY server page.txt /\nEXPOSE 8080\nCMD ["/server"]\n';
  writeFileSync(join(dev.repository, 'Dockerfile'), dockerfile);
  writeFileSync(join(dev.repository, 'page.txt'), '0\n');
  spawnSync('git', ['-C', dev.repository, 'init', '-q', '-b', 'main']);
  dev.commit('The first version');
}

/** Two replicas behind the proxy. */
export function serviceManifest(dev: DevEnvironment): string {
  return `apiVersion: containr.dev/v1alpha1
kind: Project
metadata: { name: shop }
---
apiVersion: containr.dev/v1alpha1
kind: Service
metadata: { name: web, namespace: shop }
spec:
  source: { type: git, repository: ${dev.repository}, branch: main }
  replicas: 2
  resources: { cpu: 500m, memory: 64Mi, storage: 256Mi }
  ports: [{ name: http, port: 8080 }]
  env: [{ name: VERSION, value: v0 }]
  healthCheck: { http: { path: /, port: 8080 }, interval: 2s, timeout: 2s, startPeriod: 20s }
  rollout: { drain: 1s, progressDeadline: 60s }
`;
}
