import { z } from 'zod';
import { Build } from '../crds/build.ts';
import { Deployment } from '../crds/deployment.ts';
import { Guest } from '../crds/guest.ts';
import { Job } from '../crds/job.ts';
import { DEPLOYMENT_LABEL, SERVICE_LABEL } from '../crds/meta.ts';
import { Service } from '../crds/service.ts';
import type { Clock } from '../controller/clock.ts';
import type { LogStore } from '../controller/logs.ts';
import { notFound } from '../controller/store/refusals.ts';
import type { ResourceStore } from '../controller/store/store.ts';
import { followLog } from './follow-log.ts';
import { inLots, MergedLog, type LogSource, type NamedLine } from './log-streams.ts';
import { readQuery } from './resources/query.ts';
import { findObject } from './resources/read.ts';
import type { ReadLog } from './resources/routes.ts';
import type { Target } from './resources/target.ts';
import { Refused } from './status.ts';
import { streamSignal, textStream } from './stream.ts';

const MOST_FOLLOW_MS = 6 * 3_600_000;
const MOST_TAIL = 100_000;

const Flag = z
  .enum(['', '0', '1', 'false', 'true'], 'must be true or false')
  .default('')
  .transform((text) => text === '1' || text === 'true');
const Count = z
  .string()
  .regex(/^\d{1,9}$/, 'must be a whole number')
  .transform(Number);
const LogQuery = z.object({
  follow: Flag,
  timestamps: Flag,
  previous: Flag,
  /** Of a Service: the log of its latest build. */
  build: Flag,
  /** Puts the name of the guest before each line. */
  prefix: Flag,
  tailLines: Count.refine((count) => count <= MOST_TAIL, `must be at most ${MOST_TAIL}`).optional(),
  sinceSeconds: Count.optional(),
  sinceTime: z.iso.datetime({ offset: true, error: 'must be a time such as 2026-01-31T12:00:00Z' }).optional(),
  /** Of a Service or Deployment: only this guest. */
  container: z.string().max(253).default(''),
});
type LogQuery = z.output<typeof LogQuery>;

interface ReadLogOptions {
  store: ResourceStore;
  logs: LogStore;
  clock: Clock;
  closing: AbortSignal;
}

/**
 * Answers logs as loops collected them: those of a Service or Deployment are of all its guests, in order of time; with a
 * schedule, or of one Deployment, also of guests that went and of runs that are over, as long as those are kept. Lines of
 * text, or with `Accept: application/x-ndjson` one JSON object a line. A followed log ends when the client goes.
 */
export function createReadLog({ store, logs, clock, closing }: ReadLogOptions): ReadLog {
  return async (context, target, mayStill) => {
    const query = readQuery(LogQuery, context);
    const found = await findSources(store, target, query);
    const merged = new MergedLog(logs, { since: sinceOf(query, clock), tail: query.tailLines, until: found.until });
    const asJson = /application\/x-ndjson/i.test(context.req.header('accept') ?? '');
    context.header('Content-Type', asJson ? 'application/x-ndjson' : 'text/plain; charset=utf-8');
    const end = streamSignal(context, { clock, closing }, { maxMs: MOST_FOLLOW_MS, mayStill });
    const write = (line: NamedLine) => (asJson ? jsonLine(line, found.key) : textLine(line, query));
    const pieces = query.follow
      ? followLog({ ...found, write, merged, logs, clock, signal: end.signal })
      : inLots(merged.backlog(await found.sources()), write);
    return textStream(context, pieces, end);
  };
}

interface FoundLog {
  /** As they are now: guests come and go. */
  sources(): Promise<LogSource[]>;
  /** What the JSON calls the name of a source. */
  key: 'guest' | 'build';
  until?: Date | undefined;
}

async function findSources(store: ResourceStore, target: Target, query: LogQuery): Promise<FoundLog> {
  const { kind, namespace, name = '' } = target;
  const object = await findObject(store, target);
  switch (kind.kind) {
    case 'Build':
      return buildLog(name, object.metadata.uid);
    case 'Guest':
      return guestLog(query, async () => [Guest.read(object)]);
    case 'Service':
      if (query.build) return latestBuildLog(store, Service.read(object));
      return guestLog(
        query,
        () => guestsWith(store, namespace, SERVICE_LABEL, name),
        async () =>
          Service.read(object).spec.type === 'cron'
            ? runsOf(await jobsWith(store, namespace, SERVICE_LABEL, name))
            : [],
      );
    case 'Deployment':
      return guestLog(
        query,
        () => guestsWith(store, namespace, DEPLOYMENT_LABEL, name),
        async () => [
          ...runsOf(await jobsWith(store, namespace, DEPLOYMENT_LABEL, name)),
          ...Deployment.read(object).status.guestUids.map((uid) => ({ stream: `guest/${uid}`, name })),
        ],
      );
    case 'Job':
      return guestLog(
        query,
        async () => [],
        async () => runsOf([Job.read(await findObject(store, target))]),
      );
    default:
      throw new Refused('NotFound', `A ${kind.kind} has no log.`);
  }
}

function buildLog(name: string, uid: string): FoundLog {
  return { key: 'build', sources: () => Promise.resolve([{ stream: `build/${uid}`, name }]) };
}

async function latestBuildLog(store: ResourceStore, { metadata, status }: Service): Promise<FoundLog> {
  const { namespace, name } = metadata;
  if (status.latestBuild === undefined) throw new Refused('NotFound', `The Service "${name}" has had no build yet.`);
  const build = await store.get(Build, { namespace, name: status.latestBuild });
  if (!build) throw notFound('Build', { namespace, name: status.latestBuild });
  return buildLog(build.metadata.name, build.metadata.uid);
}

/** The guests with a label, such as those of a Service. */
export async function guestsWith(
  store: ResourceStore,
  namespace: string | undefined,
  label: string,
  name: string,
): Promise<Guest[]> {
  const labels = [{ key: label, operator: 'In' as const, values: [name] }];
  return (await store.list(Guest, { namespace, labels })).items;
}

async function jobsWith(
  store: ResourceStore,
  namespace: string | undefined,
  label: string,
  name: string,
): Promise<Job[]> {
  const labels = [{ key: label, operator: 'In' as const, values: [name] }];
  return (await store.list(Job, { namespace, labels })).items;
}

function runsOf(jobs: readonly Job[]): LogSource[] {
  return jobs.flatMap(({ metadata, status: { guestUid } }) =>
    guestUid === undefined ? [] : [{ stream: `guest/${guestUid}`, name: metadata.name }],
  );
}

/** `past` may name guests that are there as well; these then go by their own names. */
async function guestLog(
  { previous, container }: LogQuery,
  guests: () => Promise<Guest[]>,
  past: () => Promise<LogSource[]> = async () => [],
): Promise<FoundLog> {
  const isWanted = (name: string): boolean => container === '' || name === container;
  const wanted = async (): Promise<Guest[]> => (await guests()).filter(({ metadata }) => isWanted(metadata.name));
  const now = await wanted();
  if (container !== '' && now.length === 0) throw new Refused('NotFound', `There is no guest "${container}" here.`);
  const sources = async (): Promise<LogSource[]> => {
    const here = (await wanted()).map(({ metadata }) => ({ stream: `guest/${metadata.uid}`, name: metadata.name }));
    const gone = (await past()).filter(({ name }) => isWanted(name));
    return [...new Map([...gone, ...here].map((source) => [source.stream, source])).values()];
  };
  if (!previous) return { key: 'guest', sources };
  const ends = now.flatMap(({ status }) => (status.lastExit ? [new Date(status.lastExit.at)] : []));
  if (ends.length === 0) throw new Refused('BadRequest', 'Nothing ended here yet, so there is no previous run.');
  return { key: 'guest', sources, until: new Date(Math.max(...ends.map(Number))) };
}

function sinceOf({ sinceSeconds, sinceTime }: LogQuery, clock: Clock): Date | undefined {
  if (sinceTime !== undefined) return new Date(sinceTime);
  return sinceSeconds === undefined ? undefined : new Date(clock.now().getTime() - sinceSeconds * 1000);
}

function jsonLine({ name, time, source, text, position }: NamedLine, key: FoundLog['key']): string {
  return `${JSON.stringify({ [key]: name, time: time.toISOString(), source, text, position })}\n`;
}

function textLine({ name, time, source, text }: NamedLine, { timestamps, prefix }: LogQuery): string {
  const before = [
    prefix ? `[${name}]` : '',
    timestamps ? time.toISOString() : '',
    source === 'system' ? '[containr]' : '',
  ];
  return `${[...before.filter((word) => word !== ''), text].join(' ')}\n`;
}
