import type { Logger } from 'pino';
import { z } from 'zod';
import type { Kind, Resource } from '../../../crds/define-kind.ts';
import { findKind } from '../../../crds/kinds.ts';
import { deepFreeze } from '../../deep-freeze.ts';
import { Fault, isFault } from '../../errors.ts';
import { createReadListed, readOrThrow, type ReadListed } from '../read-stored.ts';
import { matchesFields } from '../selector.ts';
import type { ListOptions, ObjectKey, Page } from '../store.ts';
import { KeysByUid } from './keys-by-uid.ts';
import type { KubernetesClient } from './kubernetes-client.ts';
import { collectionPath, fieldQuery, isNamespace, labelQuery, objectPath, unservedFields } from './kubernetes-path.ts';

const PAGE_SIZE = 500;
const METADATA_ONLY = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1, application/json;q=0.9';

const ListMeta = z.object({
  resourceVersion: z.string(),
  continue: z.string().default(''),
  remainingItemCount: z.int().optional(),
});
const List = z.object({
  metadata: ListMeta,
  items: z
    .array(z.unknown())
    .nullish()
    .transform((items) => items ?? []),
});
const Counted = z.object({
  metadata: z.object({ namespace: z.string().default(''), deletionTimestamp: z.string().optional() }),
});
const Token = z.strictObject({ kind: z.string(), at: z.string() });

/** What the store reads, as the API server has it. */
export interface KubernetesReads {
  readonly readListed: ReadListed;
  readonly uids: KeysByUid;
  get<R extends Resource>(kind: Kind<R>, key: ObjectKey): Promise<R | undefined>;
  getByUid<R extends Resource>(kind: Kind<R>, uid: string): Promise<R | undefined>;
  list<R extends Resource>(kind: Kind<R>, options: ListOptions): Promise<Page<R>>;
  countIn(kind: string, namespaces: readonly string[]): Promise<Map<string, number>>;
  /** Reads an object that a write answered. Throws Invalid when this version cannot. */
  answered<R extends Resource>(kind: Kind<R>, answer: unknown): R;
}

export function createKubernetesReads(client: KubernetesClient, log: Pick<Logger, 'error'>): KubernetesReads {
  const readListed = createReadListed(log);
  const uids = new KeysByUid();

  async function get<R extends Resource>(kind: Kind<R>, key: ObjectKey): Promise<R | undefined> {
    const path = objectPath(kind, key);
    if (path === undefined) return undefined;
    try {
      return answered(kind, await client.send({ method: 'GET', path }));
    } catch (error) {
      if (isFault(error, 'NotFound')) return undefined;
      throw error;
    }
  }

  function answered<R extends Resource>(kind: Kind<R>, answer: unknown): R {
    const object = deepFreeze(readOrThrow(kind, answer));
    uids.note(object);
    return object;
  }

  async function list<R extends Resource>(kind: Kind<R>, options: ListOptions): Promise<Page<R>> {
    const { namespace, labels = [], fields = [], limit: wanted = 0, continue: token } = options;
    const limit = wanted > 0 ? wanted : undefined;
    const left = unservedFields(fields);
    const selection = { labelSelector: labelQuery(labels), fieldSelector: fieldQuery(fields) };
    const items: R[] = [];
    let at = token === undefined ? undefined : parseToken(token, kind.kind);
    for (;;) {
      const size = Math.min(limit === undefined ? PAGE_SIZE : limit - items.length, PAGE_SIZE);
      const page = await readPage(kind, namespace, { ...selection, limit: String(size), continue: at });
      for (const item of page.items) {
        const object = readListed(kind, item);
        if (!object) continue;
        uids.note(object);
        if (matchesFields(object, left)) items.push(object);
      }
      const { resourceVersion, continue: next, remainingItemCount: remaining } = page.metadata;
      if (next === '') return { items, resourceVersion, continue: undefined, remaining: undefined };
      at = next;
      if (items.length === limit) return { items, resourceVersion, continue: formatToken(kind.kind, next), remaining };
    }
  }

  async function readPage(
    kind: Pick<Kind, 'plural'>,
    namespace: string | undefined,
    query: Record<string, string | undefined>,
    accept?: string,
  ): Promise<z.output<typeof List>> {
    if (!isNamespace(namespace)) return { metadata: { resourceVersion: '0', continue: '' }, items: [] };
    const path = collectionPath(kind, namespace);
    return List.parse(await client.send({ method: 'GET', path, query, accept }));
  }

  return {
    readListed,
    uids,
    get,
    answered,

    async getByUid(kind, uid) {
      const known = uids.find(kind.kind, uid);
      const object = known && (await get(kind, known));
      if (object?.metadata.uid === uid) return object;
      uids.forget(uid);
      const { items } = await list(kind, {});
      return items.find(({ metadata }) => metadata.uid === uid);
    },

    async list(kind, options) {
      for (let tried = 1; ; tried += 1) {
        try {
          return await list(kind, options);
        } catch (error) {
          // Without a token nobody has seen anything of this list yet, so it can begin again.
          if (!isFault(error, 'Expired') || options.continue !== undefined || tried === 3) throw error;
        }
      }
    },

    async countIn(kindName, namespaces) {
      const counts = new Map<string, number>();
      const kind = findKind(kindName);
      if (!kind || namespaces.length === 0) return counts;
      const [only] = namespaces.length === 1 && kind.scope === 'Namespaced' ? namespaces : [];
      let at: string | undefined;
      do {
        const page = await readPage(kind, only, { limit: String(PAGE_SIZE), continue: at }, METADATA_ONLY);
        for (const item of page.items) {
          const { namespace, deletionTimestamp } = Counted.parse(item).metadata;
          if (deletionTimestamp !== undefined || !namespaces.includes(namespace)) continue;
          counts.set(namespace, (counts.get(namespace) ?? 0) + 1);
        }
        at = page.metadata.continue === '' ? undefined : page.metadata.continue;
      } while (at !== undefined);
      return counts;
    },
  };
}

/** The server's token with the kind it is for: of another kind's list it would begin somewhere. */
function formatToken(kind: string, at: string): string {
  return Buffer.from(JSON.stringify({ kind, at })).toString('base64url');
}

function parseToken(text: string, kind: string): string {
  const token = Token.safeParse(jsonOf(Buffer.from(text, 'base64url').toString())).data;
  if (token?.kind !== kind) throw new Fault('Invalid', `The continue token is not one that a list of ${kind} gave.`);
  return token.at;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
