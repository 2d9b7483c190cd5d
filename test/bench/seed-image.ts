import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isReady, ObjectShape, until, type BenchEnvironment } from './bench-environment.ts';

/** A small service of the project `bench`. */
export function benchService(name: string, source: unknown): unknown {
  return {
    apiVersion: 'containr.dev/v1alpha1',
    kind: 'Service',
    metadata: { name, namespace: 'bench' },
    spec: {
      source,
      resources: { cpu: '100m', memory: '32Mi', storage: '64Mi' },
      ports: [{ name: 'http', port: 8080 }],
      healthCheck: { http: { path: '/', port: 8080 }, interval: '30s' },
      rollout: { drain: '1s' },
    },
  };
}

/** Builds one image from a repository, for all others to use; answers its reference. */
export async function seedImage(bench: BenchEnvironment): Promise<string> {
  const repository = join(bench.folder, 'sample');
  mkdirSync(repository, { recursive: true });
  cpSync(join(import.meta.dirname, '..', '..', 'manifests', 'quickstart', 'sample'), repository, { recursive: true });
  writeFileSync(join(repository, 'busybox'), 'not run by simulated guests');
  commitAll(repository, 'sample');
  await bench.create('services', benchService('seed', { type: 'git', repository, branch: 'main' }));
  const find = async (plural: string, name: string): Promise<ObjectShape> =>
    ObjectShape.parse(await bench.get(`/apis/containr.dev/v1alpha1/namespaces/bench/${plural}/${name}`));
  await until('the first service is ready', async () => isReady(await find('services', 'seed')));
  const { status } = await find('builds', 'seed-b1');
  const artifact: unknown = status?.['artifact'];
  if (typeof artifact === 'object' && artifact !== null && 'image' in artifact && typeof artifact.image === 'string')
    return artifact.image;
  throw new Error('The seed build has no image.');
}

/** Commits everything in a folder, which becomes a repository with the first commit. */
export function commitAll(repository: string, message: string): void {
  const git = (...parameters: string[]): void => {
    const who = ['-c', 'user.name=Bench', '-c', 'user.email=bench@localhost', '-c', 'commit.gpgsign=false'];
    const { status } = spawnSync('git', ['-C', repository, ...who, ...parameters], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    if (status !== 0) throw new Error(`git ${parameters[0]} failed`);
  };
  git('init', '-q', '-b', 'main');
  git('add', '-A');
  git('commit', '-q', '-m', message);
}
