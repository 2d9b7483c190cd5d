import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import {
  BenchEnvironment,
  cpuSecondsOf,
  isReady,
  memoryOf,
  ObjectShape,
  percentile,
  until,
} from './bench-environment.ts';
import { restLoad } from './rest-load.ts';
import { benchService, seedImage } from './seed-image.ts';

/** How many services; fewer for a quick look: `npm run bench -- 100`. */
const COUNT = Number(process.argv[2] ?? 1_000);
const NODES = 10;

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
  const image = await seedImage(bench);
  await oneService(image);
  await manyServices(image);
  await apiLoad(image);
  rows.push(...(await restLoad(bench, COUNT)));
  await reconcileLatency();
  await resync();
  commandTime();
} finally {
  await bench.dispose();
}
printTable();

async function oneService(image: string): Promise<void> {
  const times: number[] = [];
  for (let round = 0; round < 10; round += 1) {
    const name = `single-${round}`;
    const startedAt = performance.now();
    await bench.create('services', benchService(name, { type: 'image', image }));
    await until(`${name} is ready`, async () => isReady(await find('services', name)), 60_000, 10);
    times.push(performance.now() - startedAt);
  }
  rows.push({
    what: 'apply -> Ready, one service, no task time (p50 of 10)',
    measured: `${Math.round(percentile(times, 0.5))} ms`,
    budget: '500 ms',
  });
}

async function manyServices(image: string): Promise<void> {
  console.log(`Creating ${COUNT} services ...`);
  const startedAt = performance.now();
  const cpuBefore = cpuSecondsOf(bench.controllerPid);
  const names = Array.from({ length: COUNT }, (_, index) => `svc-${index}`);
  for (let index = 0; index < names.length; index += 50) {
    await Promise.all(
      names
        .slice(index, index + 50)
        .map((name) => bench.create('services', benchService(name, { type: 'image', image }))),
    );
  }
  let told = 0;
  await until(
    'all services are ready',
    async () => {
      const ready = (await bench.list('services')).items.filter(
        (item) => item.metadata.name.startsWith('svc-') && isReady(item),
      ).length;
      if (ready - told >= COUNT / 10)
        console.log(`  ${(told = ready)} ready after ${((performance.now() - startedAt) / 1_000).toFixed(1)} s`);
      return ready === COUNT;
    },
    600_000,
    // Each look reads them all, which is work that a user who waits does not make.
    1_000,
  );
  const seconds = (performance.now() - startedAt) / 1_000;
  const cpu = cpuSecondsOf(bench.controllerPid) - cpuBefore;
  rows.push({
    what: 'CPU of the controller for each service',
    measured: `${Math.round((cpu * 1_000) / COUNT)} ms`,
    budget: '',
  });
  const { now, highest } = memoryOf(bench.controllerPid);
  rows.push({
    what: `${COUNT} new services, all Ready`,
    measured: `${seconds.toFixed(1)} s`,
    budget: '60 s (stretch 20 s)',
  });
  rows.push({
    what: 'resident memory of the controller, then / highest',
    measured: `${Math.round(now)} / ${Math.round(highest)} MiB`,
    budget: '250 MiB',
  });
}

async function apiLoad(image: string): Promise<void> {
  const writes: number[] = [];
  await Promise.all(
    Array.from({ length: 50 }, async (_, writer) => {
      for (let round = 0; round < 10; round += 1) {
        const startedAt = performance.now();
        await bench.create('services', {
          ...Object(benchService(`load-${writer}-${round}`, { type: 'image', image })),
          spec: { source: { type: 'image', image }, suspended: true },
        });
        writes.push(performance.now() - startedAt);
      }
    }),
  );
  rows.push({
    what: 'API create, 50 writers, p50 / p99',
    measured: `${percentile(writes, 0.5).toFixed(0)} / ${percentile(writes, 0.99).toFixed(0)} ms`,
    budget: 'p99 100 ms',
  });
  await quiet();
  const lists: number[] = [];
  for (let round = 0; round < 20; round += 1) {
    const startedAt = performance.now();
    await bench.get('/apis/containr.dev/v1alpha1/namespaces/bench/services?limit=1000');
    lists.push(performance.now() - startedAt);
  }
  rows.push({
    what: 'API list of 1,000, p50 / p99',
    measured: `${percentile(lists, 0.5).toFixed(0)} / ${percentile(lists, 0.99).toFixed(0)} ms`,
    budget: 'p99 150 ms',
  });
}

/** From a write to the answer of the loop that it woke, which is more than to the beginning of its pass. */
async function reconcileLatency(): Promise<void> {
  const times: number[] = [];
  for (let round = 0; round < 100; round += 1) {
    const token = `bench-${round}`;
    const startedAt = performance.now();
    await bench.patch('services', 'seed', {
      metadata: { annotations: { 'containr.dev/reconcile-requested-at': token } },
    });
    await until(
      'the loop answers',
      async () => (await find('services', 'seed')).status?.['lastHandledReconcileAt'] === token,
      10_000,
      2,
    );
    times.push(performance.now() - startedAt);
  }
  rows.push({
    what: 'write -> reconciled and reported, p50 / p99',
    measured: `${percentile(times, 0.5).toFixed(0)} / ${percentile(times, 0.99).toFixed(0)} ms`,
    budget: 'p99 50 ms (to its start)',
  });
}

/** A fresh controller looks at every object once and finds nothing to do. */
async function resync(): Promise<void> {
  await quiet();
  await bench.stopController();
  const startedAt = performance.now();
  await bench.startController();
  await until('every object was looked at', async () => (await passes()) >= COUNT * 4, 120_000, 50);
  await quiet();
  const seconds = (performance.now() - startedAt) / 1_000;
  const reads = await bench.counter('containr_proxmox_requests_total', /method="GET"/);
  const writes = await bench.counter('containr_proxmox_requests_total', /method="(POST|PUT|DELETE)"/);
  rows.push({
    what: `resync of ${COUNT * 4} objects with nothing to do, process start included`,
    measured: `${seconds.toFixed(1)} s`,
    budget: '3 s for 1,000',
  });
  rows.push({
    what: 'calls to Proxmox in it: changing / reading',
    measured: `${writes} / ${reads}`,
    budget: '0 / independent of guests',
  });
  rows.push({
    what: 'resident memory of the controller after it',
    measured: `${Math.round(memoryOf(bench.controllerPid).now)} MiB`,
    budget: '250 MiB',
  });
}

function commandTime(): void {
  if (!existsSync('/usr/bin/hyperfine')) return;
  const { stdout } = spawnSync(
    'hyperfine',
    [
      '-N',
      '--warmup',
      '2',
      '--runs',
      '10',
      '--export-json',
      '/dev/stdout',
      '--style',
      'none',
      `${join(import.meta.dirname, '..', '..', 'bin', 'containr')} version`,
    ],
    { encoding: 'utf8' },
  );
  const mean = /"mean":\s*([\d.]+)/.exec(stdout)?.[1];
  if (mean !== undefined)
    rows.push({
      what: 'containr command, start to end',
      measured: `${Math.round(Number(mean) * 1_000)} ms`,
      budget: '150 ms',
    });
}

async function find(plural: string, name: string): Promise<ObjectShape> {
  return ObjectShape.parse(await bench.get(`/apis/containr.dev/v1alpha1/namespaces/bench/${plural}/${name}`));
}

function passes(): Promise<number> {
  return bench.counter('controller_runtime_reconcile_total');
}

/** No pass for a second. */
async function quiet(): Promise<void> {
  let last = -1;
  await until(
    'nothing is left to do',
    async () => {
      const now = await passes();
      const same = now === last;
      last = now;
      return same;
    },
    120_000,
    1_000,
  );
}

function printTable(): void {
  const widths = (['what', 'measured', 'budget'] as const).map((key) =>
    Math.max(key.length, ...rows.map((row) => row[key].length)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, index) => cell.padEnd(widths[index] ?? 0)).join(' | ')} |`;
  console.log(`\n${line(['what', 'measured', 'budget'])}`);
  console.log(`|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`);
  for (const { what, measured, budget } of rows) console.log(line([what, measured, budget]));
}
