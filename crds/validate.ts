import { z } from 'zod';
import type { Manifest } from './define-kind.ts';
import { fieldNames, jsonSchemaOf, type JsonSchema } from './json-schema.ts';
import { allKinds, findKind, type AnyKind } from './kinds.ts';
import { API_VERSION, ManifestMeta } from './meta.ts';
import { DnsLabel } from './names.ts';
import { nearest } from './nearest.ts';
import { problemText, type RawProblem } from './problem-text.ts';

/** One field that is wrong. The message follows the path as in `spec.replicas: must be at most 1000`. */
export interface FieldProblem {
  path: string;
  message: string;
}

export type Validated = { ok: true; kind: AnyKind; manifest: Manifest } | { ok: false; problems: FieldProblem[] };

/** Reads what somebody wrote, with defaults filled in; or says of each wrong field, in one sentence, what is wrong. */
export function validateManifest(raw: unknown): Validated {
  if (!isRecord(raw))
    return refused({ path: '', message: 'expected an object with apiVersion, kind, metadata and spec' });
  const kind = allKinds.find((candidate) => candidate.kind === raw['kind']);
  if (!kind) return refused({ path: 'kind', message: unknownKind(raw['kind']) });

  const outer = Envelope.safeParse(raw, { error: problemText });
  const spec = kind.specSchema.safeParse(raw['spec'] ?? {}, {
    error: kind.kind === 'Secret' ? secretText : problemText,
  });
  if (outer.success && spec.success) {
    const problems = [...nameProblems(kind, outer.data.metadata), ...lostKeys(raw, [])];
    if (problems.length > 0) return refused(...problems);
    return {
      ok: true,
      kind,
      manifest: { apiVersion: API_VERSION, kind: kind.kind, metadata: outer.data.metadata, spec: spec.data },
    };
  }
  const specSchema = jsonSchemaOf(kind, 'spec');
  return refused(
    ...(outer.error?.issues ?? []).flatMap((issue) => problemsOf(issue, [], envelopeSchema)),
    ...(spec.error?.issues ?? []).flatMap((issue) => problemsOf(issue, ['spec'], specSchema)),
  );
}

/** One line of text for a list of problems. */
export function describeProblems(problems: readonly FieldProblem[]): string {
  return problems.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`)).join('; ');
}

const Envelope = z.strictObject({
  apiVersion: z.literal(API_VERSION, {
    error: ({ input }) => (input === undefined ? `is required: ${API_VERSION}` : `must be "${API_VERSION}"`),
  }),
  kind: z.string(),
  metadata: ManifestMeta,
  spec: z.unknown().optional(),
  status: z.unknown().optional(),
});

const envelopeSchema: JsonSchema = {
  properties: {
    ...Object.fromEntries(Object.keys(Envelope.shape).map((name) => [name, {}])),
    metadata: { properties: Object.fromEntries(Object.keys(ManifestMeta.shape).map((name) => [name, {}])) },
  },
};

/** What is wrong with a Secret is said without showing its values. */
function secretText(problem: RawProblem): string | undefined {
  const text = problemText(problem);
  return problem.code === 'invalid_type' && problem.input !== undefined ? 'expected text; put numbers in quotes' : text;
}

/** Kinds whose names others refer to as labels. */
const labelNamed: ReadonlySet<string> = new Set([
  'Project',
  'ProxmoxCluster',
  'Builder',
  'Proxy',
  'Service',
  'Database',
]);

function nameProblems(kind: AnyKind, metadata: ManifestMeta): FieldProblem[] {
  const problems: FieldProblem[] = [];
  const label = DnsLabel.safeParse(metadata.name);
  if (labelNamed.has(kind.kind) && !label.success) {
    problems.push({ path: 'metadata.name', message: label.error.issues[0]?.message ?? 'must be a DNS label' });
  }
  if (kind.scope === 'Cluster' && metadata.namespace !== undefined) {
    problems.push({ path: 'metadata.namespace', message: `must not be set: a ${kind.kind} is not in a project` });
  }
  return problems;
}

/** Zod passes over this one key in silence, wherever any key may stand. */
function lostKeys(value: unknown, path: readonly PropertyKey[]): FieldProblem[] {
  if (Array.isArray(value)) return value.flatMap((item: unknown, index) => lostKeys(item, [...path, index]));
  if (!isRecord(value)) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    key === '__proto__'
      ? [{ path: pathText([...path, key]), message: 'is not a name that can be used; choose another' }]
      : lostKeys(inner, [...path, key]),
  );
}

function problemsOf(issue: z.core.$ZodIssue, base: readonly PropertyKey[], schema: JsonSchema): FieldProblem[] {
  const path = [...base, ...issue.path];
  if (issue.code !== 'unrecognized_keys') return [{ path: pathText(path), message: messageOf(issue, path) }];
  const known = fieldNames(schema, issue.path);
  return issue.keys.map((key) => ({ path: pathText([...path, key]), message: unknownField(key, known) }));
}

function messageOf(issue: z.core.$ZodIssue, path: readonly PropertyKey[]): string {
  return path.at(-1) === 'generateName' ? 'cannot be applied; give the object a metadata.name' : issue.message;
}

function unknownField(key: string, known: readonly string[]): string {
  const meant = nearest(key, known);
  if (meant !== undefined) return `is not a known field; did you mean "${meant}"?`;
  return known.length > 0 && known.length <= 12
    ? `is not a known field; known are ${known.join(', ')}`
    : 'is not a known field';
}

function unknownKind(written: unknown): string {
  const names = allKinds.map(({ kind }) => kind);
  if (written === undefined) return `is required (one of ${names.join(', ')})`;
  if (typeof written !== 'string') return `expected the name of a kind (one of ${names.join(', ')})`;
  const meant = findKind(written)?.kind ?? nearest(written, names);
  const hint = meant === undefined ? '' : ` Did you mean "${meant}"?`;
  return `"${written.slice(0, 64)}" is not a kind of ${API_VERSION}.${hint} The kinds are ${names.join(', ')}.`;
}

/** A path as people write it: `spec.env[0].name`; names that are no words are quoted. */
function pathText(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, step) => {
    if (typeof step === 'number') return `${text}[${step}]`;
    const name = String(step);
    if (!/^[A-Za-z_][A-Za-z0-9_-]*$/.test(name)) return `${text}[${JSON.stringify(name)}]`;
    return text === '' ? name : `${text}.${name}`;
  }, '');
}

function refused(...problems: FieldProblem[]): Validated {
  return { ok: false, problems };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
