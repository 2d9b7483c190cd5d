import { z } from 'zod';
import { Condition } from './condition.ts';
import { API_VERSION, ManifestMeta, ObjectMeta } from './meta.ts';

/** What every status holds. */
export const CommonStatus = z.object({
  /** The generation that the last finished pass answered. */
  observedGeneration: z.int().optional(),
  conditions: z.array(Condition).default([]),
  /** Echo of the annotation `containr.dev/reconcile-requested-at`. */
  lastHandledReconcileAt: z.string().optional(),
});
export type CommonStatus = z.output<typeof CommonStatus>;

/** An object as it is stored. */
export interface Resource<Spec = unknown, Status extends CommonStatus = CommonStatus> {
  apiVersion: typeof API_VERSION;
  kind: string;
  metadata: ObjectMeta;
  spec: Spec;
  status: Status;
}

/** An object as somebody writes it: parsed and defaulted, without what the server adds. */
export interface Manifest<Spec = unknown> {
  apiVersion: typeof API_VERSION;
  kind: string;
  metadata: ManifestMeta;
  spec: Spec;
}

/** A column of `containr get` and `kubectl get`. `priority` 1 shows with `-o wide` only. */
export interface PrinterColumn {
  name: string;
  type: 'string' | 'integer' | 'boolean' | 'date' | 'number';
  jsonPath: string;
  priority?: 0 | 1;
  description?: string;
}

export type Scope = 'Cluster' | 'Namespaced';

/** A kind: its names, its schemas, how it is listed. */
export interface Kind<R extends Resource = Resource> {
  readonly kind: R['kind'];
  readonly plural: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly scope: Scope;
  /** One sentence for `explain` and the reference. */
  readonly description: string;
  /** The spec may not change after creation, except for the fields named. */
  readonly immutableExcept: readonly string[] | undefined;
  /** The kind's loop has something outside to clean up, so the object carries this finalizer from its creation on. */
  readonly finalizer: string | undefined;
  readonly columns: readonly PrinterColumn[];
  readonly specSchema: z.ZodType<R['spec']>;
  readonly statusSchema: z.ZodType<R['status']>;
  /** Reads what is stored, filling in defaults that came later. Throws a ZodError for what this version cannot read. */
  read(stored: unknown): R;
  /** Reads what somebody wrote. Throws a ZodError that names each field. */
  parseManifest(written: unknown): Manifest<R['spec']>;
}

interface KindOptions<Spec, Status extends CommonStatus> {
  plural: string;
  shortNames?: string[];
  scope: Scope;
  description: string;
  immutableExcept?: string[];
  finalizer?: boolean;
  columns: PrinterColumn[];
  spec: z.ZodType<Spec>;
  status: z.ZodType<Status>;
}

const StoredEnvelope = z.object({
  apiVersion: z.literal(API_VERSION),
  kind: z.string(),
  metadata: ObjectMeta,
  spec: z.unknown(),
  status: z.unknown(),
});

/** Makes a kind from its schemas. */
export function defineKind<Spec, Status extends CommonStatus>(
  kind: string,
  options: KindOptions<Spec, Status>,
): Kind<Resource<Spec, Status>> {
  const envelope = z.strictObject({
    apiVersion: z.literal(API_VERSION),
    kind: z.literal(kind),
    metadata: ManifestMeta,
    spec: z.unknown().optional(),
    status: z.unknown().optional(),
  });
  const specEnvelope = z.object({ spec: options.spec });
  return {
    kind,
    plural: options.plural,
    singular: kind.toLowerCase(),
    shortNames: options.shortNames ?? [],
    scope: options.scope,
    description: options.description,
    immutableExcept: options.immutableExcept,
    finalizer: options.finalizer ? `containr.dev/${kind.toLowerCase()}` : undefined,
    columns: options.columns,
    specSchema: options.spec,
    statusSchema: options.status,
    read(stored) {
      const { metadata, spec, status } = StoredEnvelope.parse(stored);
      return {
        apiVersion: API_VERSION,
        kind,
        metadata,
        spec: options.spec.parse(spec ?? {}),
        status: options.status.parse(status ?? {}),
      };
    },
    parseManifest(written) {
      const problems: z.core.$ZodIssue[] = [];
      const outer = envelope.safeParse(written);
      if (!outer.success) problems.push(...outer.error.issues);
      const inner = specEnvelope.safeParse({ spec: specOf(written) });
      if (!inner.success) problems.push(...inner.error.issues);
      if (!outer.success || !inner.success) throw new z.ZodError(problems);
      return {
        apiVersion: API_VERSION,
        kind,
        metadata: outer.data.metadata,
        spec: inner.data.spec,
      };
    },
  };
}

/** A manifest without a spec has an empty one: most fields have defaults. */
function specOf(written: unknown): unknown {
  if (typeof written !== 'object' || written === null || !('spec' in written)) return {};
  return written.spec ?? {};
}

/** The type of a kind's objects: `ResourceOf<typeof Service>`. */
export type ResourceOf<K> = K extends Kind<infer R> ? R : never;
