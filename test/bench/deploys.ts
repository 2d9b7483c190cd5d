import { writeFileSync } from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { whyNoCaddy } from '../../reconcilers/providers/proxy/testing/caddy-process.ts';
import { makeApplication, serviceManifest } from '../e2e/deploys-under-load/application.ts';
import { DeployRun, type DeployTimes } from '../e2e/deploys-under-load/deploy-run.ts';
import type { LoadReport } from '../e2e/deploys-under-load/load-report.ts';
import { startLoad } from '../e2e/deploys-under-load/start-load.ts';
import { TaskClock } from '../e2e/deploys-under-load/task-clock.ts';
import { DevEnvironment, obstacleToContainers, pause, until } from '../e2e/dev-environment.ts';
import { percentile } from './bench-environment.ts';

/** Deploys of two replicas behind a Caddy under constant load: `node test/bench/deploys.ts [100] [--engine lxc|simulated]`. */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { engine: { type: 'string', default: obstacleToContainers() === undefined ? 'lxc' : 'simulated' } },
});
const COUNT = Number(positionals[0] ?? 100);
const NODES = ['pve1', 'pve2'];
const PER_SECOND = 100;
/** Every so manyth deploy is of a new commit. */
const COMMIT_EVERY = 10;
const ROLLBACKS = 5;

const engine = values.engine === 'lxc' ? 'lxc' : 'simulated';
const missing = whyNoCaddy();
if (missing !== undefined) throw new Error(`The deploys cannot be measured: ${missing}.`);

interface Deploy extends DeployTimes {
  kind: 'image' | 'commit' | 'rollback';
  taskMs: number;
  startMs: number;
}

const dev = new DevEnvironment();
const run = new DeployRun(dev);
try {
  await makeApplication(dev);
  console.log(`Starting containr dev, engine ${engine} ...`);
  await dev.start({ engine, nodes: NODES.length });
  dev.must('apply', '-f', dev.write('web.yaml', serviceManifest(dev)));
  dev.must('wait', 'service/web', '-n', 'shop', '--for=condition=Ready', '--timeout', '120s');
  await run.settled(1);
  const clock = new TaskClock(dev.dataDir, NODES);
  const { host, port } = new URL(dev.field('service/web', '{.status.url}'));
  const load = startLoad({ host, port: Number(port), perSecond: PER_SECOND, withStreams: engine === 'lxc' });
  const deploys: Deploy[] = [];
  for (let index = 1; index <= COUNT; index += 1) {
    const kind = index % COMMIT_EVERY === 0 ? 'commit' : 'image';
    deploys.push(measured(kind, clock, await (kind === 'commit' ? commit(index) : run.deploy(`v${index}`))));
    if (index % 10 === 0) console.log(`${index} of ${COUNT}`);
  }
  for (let round = 0; round < ROLLBACKS; round += 1) deploys.push(measured('rollback', clock, await run.rollback()));
  const report = await load.stop();
  clock.close();
  const orphans = await leftAfterAWhile();
  dev.must('delete', 'service/web', '-n', 'shop', '--timeout', '120s');
  const left = await run.leftovers(NODES);
  printTable(deploys, report, orphans, left);
  if (report.failures.length + orphans.length + left.length > 0) process.exitCode = 1;
} finally {
  await dev.dispose();
}

function commit(index: number): Promise<DeployTimes> {
  writeFileSync(join(dev.repository, 'page.txt'), `${index}\n`);
  return run.deployCommit(dev.commit(`Version ${index}`), `v${index}`);
}

function measured(kind: Deploy['kind'], clock: TaskClock, times: DeployTimes): Deploy {
  const taskMs = clock.busyMs(times.askedAt, times.servingAt);
  return { ...times, kind, taskMs, startMs: engine === 'lxc' ? ownStartMs(times.revision) : 0 };
}

/** From the start of the process to its open port, as the supervisor of the first guest tells. */
function ownStartMs(revision: number): number {
  const log = dev.must('logs', `guest/web-r${revision}-0`, '-n', 'shop', '--timestamps');
  const timeOf = (text: string): number => Date.parse(log.split('\n').find((line) => line.includes(text)) ?? '');
  const [started, listens] = [timeOf('The process started'), timeOf('The process listens')];
  return Number.isNaN(started + listens) ? 0 : listens - started;
}

async function leftAfterAWhile(): Promise<string[]> {
  await pause(500);
  let left: string[] = [];
  const look = async (): Promise<boolean> => (left = await run.orphans(NODES)).length === 0;
  await until('nothing is left', look, 20_000).catch(() => undefined);
  return left;
}

function printTable(deploys: readonly Deploy[], report: LoadReport, orphans: string[], left: string[]): void {
  const of = (kinds: readonly Deploy['kind'][], value: (deploy: Deploy) => number): string => {
    const times = deploys.filter(({ kind }) => kinds.includes(kind)).map(value);
    return times.length === 0 ? '-' : `${percentile(times, 0.5).toFixed(0)} / ${Math.max(...times).toFixed(0)} ms`;
  };
  const toServing = ({ askedAt, servingAt }: Deploy): number => servingAt - askedAt;
  const latency = (share: number): string => percentile(report.latenciesMs, share).toFixed(1);
  const rows: [what: string, measured: string, budget: string][] = [
    [`deploys of 2 replicas, ${engine}`, String(COUNT), ''],
    ['load of the machine / cores', `${loadavg()[1]?.toFixed(1)} / ${availableParallelism()}`, ''],
    [`requests, ${PER_SECOND} a second`, String(report.requests), ''],
    ['failed requests', String(report.failures.length), '0'],
    ['latency, p50 / p99', `${latency(0.5)} / ${latency(0.99)} ms`, ''],
    ['event streams and WebSockets opened', `${report.eventStreams.opened} / ${report.sockets.opened}`, ''],
    ['deploy of an image there is, to serving, p50 / worst', of(['image'], toServing), ''],
    ['- in it, tasks of Proxmox', of(['image'], ({ taskMs }) => taskMs), ''],
    ["- in it, the application's own start", of(['image'], ({ startMs }) => startMs), ''],
    ['- overhead', of(['image'], (deploy) => toServing(deploy) - deploy.taskMs - deploy.startMs), '500 ms'],
    ['deploy of a commit, to serving, p50 / worst', of(['commit'], toServing), ''],
    ['rollback, to serving, p50 / worst', of(['rollback'], toServing), '10000 ms'],
    [
      'any deploy, to its end with 1 s of drain, p50 / worst',
      of(['image', 'commit', 'rollback'], (one) => one.doneAt - one.askedAt),
      '',
    ],
    ['orphans: guests, objects, upstreams', String(orphans.length), '0'],
    ['left after the service is deleted, archives too', String(left.length), '0'],
  ];
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0), 8));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(' | ')} |`;
  console.log(`\n${line(['what', 'measured', 'budget'])}`);
  console.log(`|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`);
  for (const row of rows) console.log(line(row));
  for (const { at, what } of report.failures.slice(0, 20)) console.log(`failed at ${at}: ${what}`);
  for (const what of [...orphans, ...left].slice(0, 20)) console.log(`left: ${what}`);
}
