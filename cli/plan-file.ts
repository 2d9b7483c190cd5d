import { createHash } from 'node:crypto';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import { CliError } from './exit.ts';
import type { ObjectForecast } from './forecast/forecast.ts';
import { MOST_BYTES } from './manifest-files.ts';
import type { ApiObject } from './objects.ts';

const VERSION = 1;
/** Manifests, their diff and what they are made from. */
const MOST_PLAN_BYTES = 4 * MOST_BYTES;

/** An object as it was when the plan was made. */
const Base = z.object({
  kind: z.string(),
  namespace: z.string().optional(),
  name: z.string(),
  /** Absent for an object that did not exist. */
  uid: z.string().optional(),
  /** For people; a report of a loop moves it too. */
  resourceVersion: z.string().optional(),
  /** Digest of all that somebody stated of it. */
  stated: z.string().optional(),
});
export type Base = z.output<typeof Base>;

const Forecast = z.object({
  sign: z.enum(['+', '~', '-', '-/+', ' ']),
  name: z.string(),
  project: z.string().optional(),
  actions: z.array(
    z.object({
      sign: z.enum(['+', '~', '-', '-/+', ' ']),
      what: z.enum(['guest', 'disk', 'build', 'route', 'database', 'note']),
      text: z.string(),
    }),
  ),
  downtime: z.string().optional(),
});

/** Whole and right is what is checked before it is applied, as with any file. */
const Manifest = z.custom<ApiObject>(
  (value) => isRecord(value) && typeof value['kind'] === 'string' && isRecord(value['metadata']),
);

const Content = z.object({
  kind: z.literal('ContainrPlan'),
  version: z.literal(VERSION),
  madeAt: z.string(),
  /** The installation that it was made with. */
  server: z.string(),
  options: z.object({
    fieldManager: z.string(),
    forceConflicts: z.boolean(),
    prune: z.boolean(),
    pruneData: z.boolean(),
    inventory: z.string().optional(),
  }),
  manifests: z.array(Manifest),
  base: z.array(Base),
  /** What is pruned, by the same words as `base`. */
  pruned: z.array(Base),
  diff: z.array(z.string()),
  forecast: z.array(Forecast),
});

/** All that a plan holds. No value of a Secret is in it, but for those that are sealed. */
export interface Plan extends Omit<z.output<typeof Content>, 'forecast'> {
  forecast: ObjectForecast[];
}

/** Writes the plan with the digest of its content, for its owner alone: the environment of services may stand in it. */
export function writePlan(file: string, plan: Plan): void {
  const content = JSON.parse(JSON.stringify(plan));
  try {
    writeFileSync(file, `${JSON.stringify({ ...content, digest: digestOf(content) }, null, 2)}\n`, { mode: 0o600 });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new CliError('usage', `The plan cannot be written: ${why}`, [], { cause });
  }
}

/** Reads a plan. Usage error for what is none, is of another version, or was changed or cut off since it was written. */
export function readPlan(file: string): Plan {
  const parsed = parseJson(file);
  if (!isRecord(parsed) || parsed['kind'] !== 'ContainrPlan')
    throw new CliError(
      'usage',
      `${file} is no plan. Manifests are applied with -f; a plan is made with "containr plan -o FILE".`,
    );
  if (parsed['version'] !== VERSION)
    throw new CliError('usage', `${file} was made by another version of containr. Plan again with this one.`);
  const { digest, ...content } = parsed;
  if (digest !== digestOf(content))
    throw new CliError('usage', `${file} was changed or cut off since it was written. Plan again.`);
  const read = Content.safeParse(content);
  if (!read.success) throw new CliError('usage', `${file} is not whole: ${z.prettifyError(read.error)}. Plan again.`);
  return {
    ...read.data,
    forecast: read.data.forecast.map((one) => ({ project: undefined, downtime: undefined, ...one })),
  };
}

/** What of an object somebody stated, as a digest: what loops report of it does not count. */
export function baseOf(object: ApiObject | undefined, key: Pick<Base, 'kind' | 'namespace' | 'name'>): Base {
  const place = { kind: key.kind, name: key.name, ...(key.namespace !== undefined && { namespace: key.namespace }) };
  if (!object) return place;
  const { uid, resourceVersion, labels = {}, annotations = {}, deletionTimestamp } = object.metadata;
  const kept = Object.entries(annotations).filter(([name]) => name !== 'containr.dev/reconcile-requested-at');
  const keys = object.kind === 'Secret' ? object.status?.['keys'] : undefined;
  const stated = digestOf({
    spec: object.spec,
    labels,
    annotations: Object.fromEntries(kept),
    deletionTimestamp,
    keys,
  });
  return {
    ...place,
    stated,
    ...(uid !== undefined && { uid }),
    ...(resourceVersion !== undefined && { resourceVersion }),
  };
}

function parseJson(file: string): unknown {
  try {
    if (statSync(file).size > MOST_PLAN_BYTES) return undefined;
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (cause) {
    if (cause instanceof SyntaxError) return undefined;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new CliError('usage', `${file} cannot be read: ${why}`, [], { cause });
  }
}

/** The same for the same content, in whatever order its fields stand. */
function digestOf(content: unknown): string {
  return `sha256:${createHash('sha256')
    .update(JSON.stringify(sorted(content)))
    .digest('hex')}`;
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isRecord(value)) return value;
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, inner]) => [key, sorted(inner)]));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
