import type { Logger } from 'pino';
import type { Kind, Resource } from '../../crds/define-kind.ts';
import type { AuditAction } from '../access/audit-log.ts';
import { deepFreeze } from '../deep-freeze.ts';
import type { StoreBackend } from './backend.ts';
import type { ChangeTail } from './change-tail.ts';
import { collectGarbage, envelopeRules } from './collect-garbage.ts';
import type { Decision, DecisionContext, StoredObject } from './decision.ts';
import { listObjects } from './list-objects.ts';
import { prepareCreate, prepareDelete, prepareStatus, prepareUpdate } from './prepare.ts';
import { claimKind, createReadStored, readOrThrow, readShared } from './read-stored.ts';
import { parseStored } from './stored.ts';
import type { ObjectKey, ResourceStore, Writer, WriteOptions } from './store.ts';
import { watchEvents } from './watch-events.ts';

interface StoreOptions {
  backend: StoreBackend;
  tail: ChangeTail;
  log?: Pick<Logger, 'error'> | undefined;
}

/** The contract of `ResourceStore` over a backend: the same rules whatever keeps the bytes. */
export function createResourceStore({ backend, tail, log }: StoreOptions): ResourceStore {
  const read = createReadStored(log);

  async function write<R extends Resource>(
    kind: Kind<R>,
    { action, key, writer, options }: { action: AuditAction; key: ObjectKey; writer: Writer; options: WriteOptions },
    prepare: (current: R | undefined, context: DecisionContext) => Decision<R>,
  ): Promise<R> {
    claimKind(kind);
    const accepted = await backend.submit<R>({
      kind: kind.kind,
      key: keyOnly(key),
      writer,
      action,
      dryRun: options.dryRun ?? false,
      isWhole: true,
      decide: (stored, context) => prepare(stored === undefined ? undefined : readShared(kind, stored), context),
    });
    return deepFreeze(accepted.object);
  }

  return {
    async get(kind, key) {
      const stored = await backend.read(kind.kind, key);
      return stored === undefined ? undefined : readOrThrow(kind, parseStored(stored));
    },

    async getByUid(kind, uid) {
      const stored = await backend.readByUid(kind.kind, uid);
      return stored === undefined ? undefined : readOrThrow(kind, parseStored(stored));
    },

    countIn: ({ kind }, namespaces) => backend.countIn(kind, namespaces),

    list: (kind, options = {}) => listObjects(backend, read, kind, options),

    watch: (kind, options) => watchEvents(tail, read, kind, options),

    create: (kind, manifest, writer, options = {}) =>
      write(kind, { action: 'create', key: manifest.metadata, writer, options }, (current, context) =>
        prepareCreate(kind, current, manifest, context),
      ),

    update: (kind, object, writer, options = {}) =>
      write(kind, { action: 'update', key: object.metadata, writer, options }, (current, context) =>
        prepareUpdate(kind, current, object, context),
      ),

    updateStatus: (kind, object, writer, options = {}) =>
      write(kind, { action: 'status', key: object.metadata, writer, options }, (current, context) =>
        prepareStatus(kind, current, object, context),
      ),

    async delete(kind, key, writer, options = {}) {
      // Only the metadata matters, so that what this version cannot read can still be deleted.
      const rules = envelopeRules(kind.kind, kind.scope);
      const accepted = await backend.submit<StoredObject>({
        kind: kind.kind,
        key: keyOnly(key),
        writer,
        action: 'delete',
        dryRun: options.dryRun ?? false,
        isWhole: false,
        decide: (stored, context) =>
          prepareDelete(
            rules,
            stored === undefined ? undefined : rules.read(parseStored(stored)),
            key,
            options,
            context,
          ),
      });
      return accepted.type === 'removed' ? undefined : readOrThrow(kind, accepted.object);
    },

    collectGarbage: (writer) => collectGarbage(backend, writer),
    compact: (options) => backend.compact(options),
    currentVersion: async () => String(await backend.currentVersion()),

    async close() {
      tail.close();
      await backend.close();
    },
  };
}

function keyOnly({ namespace, name }: ObjectKey): ObjectKey {
  return { namespace, name };
}
