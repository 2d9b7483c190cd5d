import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BenchEnvironment, cpuSecondsOf, isReady, memoryOf, ObjectShape, until } from './bench-environment.ts';
import { benchService, commitAll, seedImage } from './seed-image.ts';

// What following a repository of many objects costs, on simulated guests: `node test/bench/git-sync.ts [OBJECTS]`.

const COUNT = Number(process.argv[2] ?? 1_000);
const PROJECTS = 20;
const NODES = 10;
const SYNC = '/apis/containr.dev/v1alpha1/namespaces/containr-system/reposyncs/all';

interface Row {
  what: string;
  measured: string;
  budget: string;
}

const rows: Row[] = [];
const bench = new BenchEnvironment();

try {
  console.log(`Starting a simulated cluster of ${NODES} nodes ...`);
  await bench.start(NODES);
  const repository = writeRepository(await seedImage(bench));
  const pid = bench.controllerPid;
  const [cpuBefore, before] = [cpuSecondsOf(pid), memoryOf(pid)];
  const startedAt = performance.now();
  const took = (): string => `${((performance.now() - startedAt) / 1_000).toFixed(1)} s`;
  await bench.apply(
    {
      apiVersion: 'containr.dev/v1alpha1',
      kind: 'RepoSync',
      metadata: { name: 'all', namespace: 'containr-system' },
      spec: { url: repository, branch: 'main', path: '/deploy', interval: '1h' },
    },
    'reposyncs',
  );
  await until('all objects are applied', () => isTrue('Applied'), 600_000, 100);
  rows.push({ what: `${COUNT} objects of one repository, all applied`, measured: took(), budget: '60 s' });
  await until('all objects are ready', () => isTrue('Ready'), 600_000, 100);
  const { now, highest } = memoryOf(pid);
  rows.push(
    { what: 'the same, all Ready, with a guest for each service', measured: took(), budget: '' },
    { what: 'CPU of the controller', measured: `${(cpuSecondsOf(pid) - cpuBefore).toFixed(1)} s`, budget: '' },
    {
      what: 'resident memory of the controller: before / then / highest',
      measured: `${Math.round(before.now)} / ${Math.round(now)} / ${Math.round(highest)} MiB`,
      budget: '250 MiB',
    },
  );
  await again();
} finally {
  await bench.dispose();
}
printTable();

/** Projects, and in each of them Secrets and Services. */
function writeRepository(image: string): string {
  const repository = join(bench.folder, 'deploy');
  mkdirSync(join(repository, 'deploy'), { recursive: true });
  const write = (name: string, manifest: unknown): void =>
    writeFileSync(join(repository, 'deploy', `${name}.json`), JSON.stringify(manifest, null, 2));
  for (let index = 0; index < COUNT; index += 1) {
    const namespace = `team-${index % PROJECTS}`;
    const head = { apiVersion: 'containr.dev/v1alpha1', metadata: { name: `n${index}`, namespace } };
    if (index < PROJECTS) write(namespace, { ...head, kind: 'Project', metadata: { name: namespace } });
    else if (index % 2 === 0)
      write(`n${index}`, { ...head, kind: 'Secret', spec: { data: { key: `value ${index}` } } });
    else write(`n${index}`, { ...Object(benchService('', { type: 'image', image })), metadata: head.metadata });
  }
  commitAll(repository, 'All objects');
  return repository;
}

async function isTrue(type: string): Promise<boolean> {
  const { status } = ObjectShape.parse(await bench.get(SYNC));
  return type === 'Ready'
    ? isReady({ metadata: { name: '' }, status })
    : (status?.conditions?.some((condition) => condition.type === type && condition.status === 'True') ?? false);
}

/** A look at the same commit must cost nothing but the look. */
async function again(): Promise<void> {
  const cpuBefore = cpuSecondsOf(bench.controllerPid);
  const version = async (): Promise<number> => Number((await bench.list('services')).metadata.resourceVersion);
  const before = await version();
  await new Promise((resolve) => setTimeout(resolve, 5_000));
  rows.push({
    what: 'writes, and CPU of the controller, in 5 s of rest afterwards',
    measured: `${(await version()) - before}, ${(cpuSecondsOf(bench.controllerPid) - cpuBefore).toFixed(2)} s`,
    budget: '0',
  });
}

function printTable(): void {
  const widths = [
    Math.max(...rows.map(({ what }) => what.length)),
    Math.max(...rows.map((row) => row.measured.length)),
  ];
  console.log();
  for (const { what, measured, budget } of rows)
    console.log(`${what.padEnd(widths[0] ?? 0)}  ${measured.padStart(widths[1] ?? 0)}  ${budget}`);
}
