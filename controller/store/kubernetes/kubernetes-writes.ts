import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import { z } from 'zod';
import type { Kind, Manifest, Resource } from '../../../crds/define-kind.ts';
import { Project } from '../../../crds/project.ts';
import type { AuditAction } from '../../access/audit-log.ts';
import { auditRecord, isAudited, type AuditRecord } from '../../access/audit-record.ts';
import type { Clock } from '../../clock.ts';
import { isFault } from '../../errors.ts';
import { envelopeRules } from '../collect-garbage.ts';
import type { DecisionContext, StoredObject } from '../decision.ts';
import { prepareCreate, prepareUpdate } from '../prepare.ts';
import { describeObject, notFound, staleRead, unreadable } from '../refusals.ts';
import { storedJson } from '../stored.ts';
import type { ObjectKey, ResourceStore, Writer, WriteOptions } from '../store.ts';
import { ensureNamespace } from './ensure-namespace.ts';
import type { KubernetesClient, KubernetesRequest } from './kubernetes-client.ts';
import { collectionPath, objectPath } from './kubernetes-path.ts';
import type { KubernetesReads } from './kubernetes-reads.ts';
import type { Fence } from './lease-fence.ts';

/** How often a write that states no version begins again when somebody else was faster. */
const TRIES = 8;
/** Shorter than what a leader leaves unused of its lease, so that no write of its own outlives it. */
const FENCED_MS = 3_000;

const Status = z.object({ kind: z.literal('Status') });

/** Keeps an entry of the audit. */
export type KeepAudit = (entry: AuditRecord & { time: Date; resourceVersion: string }) => Promise<void>;

interface WriteDeps {
  client: KubernetesClient;
  reads: KubernetesReads;
  fence: Fence;
  clock: Clock;
  audit: KeepAudit;
  log: Pick<Logger, 'error'>;
}

/** What the store writes: decided by the rules of every store where they say more than the server's, carried out by the server. */
export function createKubernetesWrites({
  client,
  reads,
  fence,
  clock,
  audit,
  log,
}: WriteDeps): Pick<ResourceStore, 'create' | 'update' | 'updateStatus' | 'delete'> {
  /** Sends a write once the token of who writes is known to be good. */
  async function send(
    request: Omit<KubernetesRequest, 'query'>,
    { fence: token, manager }: Writer,
    { dryRun = false }: WriteOptions,
  ): Promise<unknown> {
    if (token !== undefined) await fence.check(token);
    // A deletion says in its body how it is to be done.
    const query = request.method !== 'DELETE' && {
      fieldManager: manager.slice(0, 128),
      ...(dryRun && { dryRun: 'All' }),
    };
    return client.send({ ...request, ...(query && { query }), ...(token !== undefined && { timeoutMs: FENCED_MS }) });
  }

  async function note(
    action: AuditAction,
    { before, after }: { before?: StoredObject | undefined; after: StoredObject },
    writer: Writer,
    { dryRun = false }: WriteOptions,
  ): Promise<void> {
    const { kind, metadata } = after;
    const { namespace, name, resourceVersion } = metadata;
    const write = { kind, key: { namespace, name }, writer, action, dryRun, isWhole: true };
    const record = dryRun ? undefined : auditRecord(write, { before: before && storedJson(before), after });
    if (!record) return;
    const entry = { ...record, time: clock.now(), resourceVersion };
    await audit(entry).catch((error: unknown) => {
      log.error(
        { err: error, entry },
        'A write was made and its audit could not be stored. Keep this line of the log.',
      );
    });
  }

  function context({ manager }: Writer): DecisionContext {
    return { now: clock.now(), manager, newUid: randomUUID };
  }

  async function sendNew(
    kind: Kind,
    { metadata: { name, namespace, ...metadata }, ...rest }: StoredObject,
    writer: Writer,
    options: WriteOptions,
  ): Promise<unknown> {
    const { labels, annotations, finalizers, ownerReferences } = metadata;
    const body = { ...rest, metadata: { name, namespace, labels, annotations, finalizers, ownerReferences } };
    const request = { method: 'POST', path: collectionPath(kind, namespace), body } as const;
    try {
      return await send(request, writer, options);
    } catch (error) {
      // Of what is new only the place can be missing.
      if (!isFault(error, 'NotFound') || namespace === undefined) throw error;
      if (options.dryRun === true) return { ...rest, metadata: { name, namespace, ...metadata }, status: {} };
      await ensureNamespace(client, namespace);
      return send(request, writer, options);
    }
  }

  async function create<R extends Resource>(
    kind: Kind<R>,
    manifest: Manifest<R['spec']>,
    writer: Writer,
    options: WriteOptions = {},
  ): Promise<R> {
    const decision = prepareCreate(kind, undefined, manifest, context(writer));
    if (decision.type === 'refused') throw decision.fault;
    try {
      const { status: _, ...wanted } = decision.object;
      const after = reads.answered(kind, await sendNew(kind, { ...wanted, status: undefined }, writer, options));
      await note('create', { after }, writer, options);
      if (kind.kind === Project.kind && options.dryRun !== true) await ensureNamespace(client, after.metadata.name);
      return after;
    } catch (error) {
      if (!isFault(error, 'AlreadyExists')) throw error;
      const refusal = prepareCreate(kind, await reads.get(kind, manifest.metadata), manifest, context(writer));
      throw refusal.type === 'refused' ? refusal.fault : error;
    }
  }

  async function update<R extends Resource>(
    kind: Kind<R>,
    object: R,
    writer: Writer,
    options: WriteOptions = {},
  ): Promise<R> {
    for (let tried = 1; ; tried += 1) {
      const before = await reads.get(kind, object.metadata);
      const decision = prepareUpdate(kind, before, object, context(writer));
      if (decision.type === 'refused') throw decision.fault;
      if (decision.type === 'unchanged' || !before) return decision.object;
      // The generation, and who wrote which fields, are the server's to say.
      const { managedFields: _, generation: _g, ...metadata } = decision.object.metadata;
      const body = { ...decision.object, metadata: { ...metadata, resourceVersion: before.metadata.resourceVersion } };
      try {
        const path = pathOf(kind, before.metadata);
        const after = reads.answered(kind, await send({ method: 'PUT', path, body }, writer, options));
        await note('update', { before, after }, writer, options);
        return after;
      } catch (error) {
        if (object.metadata.resourceVersion !== '' || tried === TRIES || !isFault(error, 'Conflict')) throw error;
      }
    }
  }

  async function updateStatus<R extends Resource>(
    kind: Kind<R>,
    object: R,
    writer: Writer,
    options: WriteOptions = {},
  ): Promise<R> {
    const status = readStatus(kind, object);
    const stated = object.metadata.resourceVersion;
    const path = pathOf(kind, object.metadata);
    for (let tried = 1; ; tried += 1) {
      // A loop's report is the one write that is made often, and it states its version: the server compares it.
      const before = stated === '' || isAudited(writer) ? await existing(kind, object.metadata) : undefined;
      if (before && stated !== '' && before.metadata.resourceVersion !== stated) {
        throw staleRead(kind.kind, object.metadata);
      }
      const { managedFields: _, ...metadata } = (before ?? object).metadata;
      const body = { ...(before ?? object), metadata, status };
      try {
        const after = reads.answered(
          kind,
          await send({ method: 'PUT', path: `${path}/status`, body }, writer, options),
        );
        const isSame = before?.metadata.resourceVersion === after.metadata.resourceVersion;
        if (!isSame) await note('status', { before, after }, writer, options);
        return after;
      } catch (error) {
        if (stated !== '' || tried === TRIES || !isFault(error, 'Conflict')) throw error;
      }
    }
  }

  async function existing<R extends Resource>(kind: Kind<R>, key: ObjectKey): Promise<R> {
    const object = await reads.get(kind, key);
    if (!object) throw notFound(kind.kind, key);
    return object;
  }

  return {
    create,
    update,
    updateStatus,

    async delete(kind, key, writer, options = {}) {
      const { uid, resourceVersion, propagation = 'Background', dryRun = false } = options;
      const path = pathOf(kind, key);
      // Only the metadata matters, so that what this version cannot read can still be deleted.
      const rules = envelopeRules(kind.kind, kind.scope);
      const read = (answer: unknown): StoredObject => ({ ...rules.read(answer), kind: kind.kind });
      const before = isAudited(writer) ? read(await client.send({ method: 'GET', path })) : undefined;
      const body = {
        apiVersion: 'v1',
        kind: 'DeleteOptions',
        propagationPolicy: propagation,
        ...(dryRun && { dryRun: ['All'] }),
        preconditions: { ...(uid && { uid }), ...(resourceVersion && { resourceVersion }) },
      };
      const answer = await send({ method: 'DELETE', path, body }, writer, { dryRun });
      const isGone = Status.safeParse(answer).success;
      if (before && before.metadata.deletionTimestamp === undefined) {
        await note('delete', { before, after: isGone ? before : read(answer) }, writer, { dryRun });
      }
      return isGone ? undefined : reads.answered(kind, answer);
    },
  };
}

function pathOf(kind: Kind, key: ObjectKey): string {
  const path = objectPath(kind, key);
  if (path === undefined) throw notFound(kind.kind, key);
  return path;
}

function readStatus<R extends Resource>(kind: Kind<R>, { metadata, status }: R): R['status'] {
  try {
    return kind.statusSchema.parse(JSON.parse(JSON.stringify(status)));
  } catch (error) {
    throw unreadable(error, `${describeObject(kind.kind, metadata)} is not valid`);
  }
}
