import { z } from 'zod';
import { percentile, type BenchEnvironment } from './bench-environment.ts';

const Ids = z.array(z.object({ id: z.string() }));
const Projects = z.object({ projects: Ids });

const CLIENTS = 50;
const READS = 2_000;
const LISTS = 20;
const WRITES_EACH = 10;

interface Row {
  what: string;
  measured: string;
  budget: string;
}

/** Requests of the contract over the project that the bench has filled: one object, all services, new projects. */
export async function restLoad(bench: BenchEnvironment, count: number): Promise<Row[]> {
  const [project] = Projects.parse(await bench.get('/api/v1/projects?search=bench')).projects;
  if (!project) throw new Error('The contract shows no project "bench".');
  const servicesPath = `/api/v1/projects/${project.id}/services`;
  const ids = Ids.parse(await bench.get(servicesPath)).map(({ id }) => id);

  const gets = await timed(READS / CLIENTS, async (client, round) => {
    await bench.get(`/api/v1/services/${ids[(client * 31 + round) % ids.length] ?? ''}`);
  });
  const lists: number[] = [];
  for (let round = 0; round < LISTS; round += 1) {
    const startedAt = performance.now();
    await bench.get(servicesPath);
    lists.push(performance.now() - startedAt);
  }
  const creates = await timed(WRITES_EACH, async (client, round) => {
    await bench.post('/api/v1/projects', { name: `Load ${client} ${round}` });
  });
  return [
    row(`REST get of one service, ${CLIENTS} clients`, gets, 'p99 100 ms'),
    row(`REST list of ${ids.length} services`, { times: lists, seconds: sum(lists) / 1_000 }, 'p99 150 ms'),
    row(`REST create of a project, ${CLIENTS} writers beside ${count} services`, creates, 'p99 100 ms'),
  ];
}

interface Timed {
  times: number[];
  seconds: number;
}

async function timed(rounds: number, call: (client: number, round: number) => Promise<void>): Promise<Timed> {
  const times: number[] = [];
  const begun = performance.now();
  await Promise.all(
    Array.from({ length: CLIENTS }, async (_, client) => {
      for (let round = 0; round < rounds; round += 1) {
        const startedAt = performance.now();
        await call(client, round);
        times.push(performance.now() - startedAt);
      }
    }),
  );
  return { times, seconds: (performance.now() - begun) / 1_000 };
}

function row(what: string, { times, seconds }: Timed, budget: string): Row {
  const [p50, p99] = [percentile(times, 0.5), percentile(times, 0.99)].map((ms) => ms.toFixed(0));
  return { what, measured: `${Math.round(times.length / seconds)} req/s, p50 / p99 ${p50} / ${p99} ms`, budget };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
