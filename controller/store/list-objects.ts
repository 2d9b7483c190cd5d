import { z } from 'zod';
import type { Kind, Resource } from '../../crds/define-kind.ts';
import { Fault, isFault } from '../errors.ts';
import type { ListPosition, StoreBackend } from './backend.ts';
import type { ReadStored } from './read-stored.ts';
import { matchesFields, matchesLabels } from './selector.ts';
import type { ListOptions, Page } from './store.ts';
import { parseVersion } from './version.ts';

const CHUNK = 500;
const TRIES = 5;

/** Lists what is stored as of one version, whatever is written meanwhile; a page at a time when there is a limit. */
export async function listObjects<R extends Resource>(
  backend: StoreBackend,
  read: ReadStored,
  kind: Kind<R>,
  options: ListOptions,
): Promise<Page<R>> {
  for (let tried = 1; ; tried += 1) {
    try {
      return await listOnce(backend, read, kind, options);
    } catch (error) {
      // Without a token nobody has seen anything of this list yet, so it can begin again.
      if (!isFault(error, 'Expired') || options.continue !== undefined || tried === TRIES) throw error;
    }
  }
}

async function listOnce<R extends Resource>(
  backend: StoreBackend,
  read: ReadStored,
  kind: Kind<R>,
  { namespace, labels = [], fields = [], limit: wanted = 0, continue: token }: ListOptions,
): Promise<Page<R>> {
  const limit = wanted > 0 ? wanted : undefined;
  const start = token === undefined ? undefined : parseToken(token, kind.kind);
  const items: R[] = [];
  let at = start?.version;
  let after: ListPosition | undefined = start?.after;
  for (;;) {
    const chunk = Math.min(limit === undefined ? CHUNK : limit - items.length, CHUNK);
    const page = await backend.readPage({ kind: kind.kind, namespace, at, after, limit: chunk });
    at = page.version;
    for (const row of page.objects) {
      after = { namespace: row.namespace, name: row.name };
      const object = read(kind, row);
      if (object && matchesLabels(object.metadata.labels, labels) && matchesFields(object, fields)) items.push(object);
    }
    const resourceVersion = String(at);
    if (!page.more || after === undefined) return { items, resourceVersion, continue: undefined, remaining: undefined };
    if (items.length === limit) {
      const selected = labels.length > 0 || fields.length > 0;
      const remaining = selected ? undefined : await backend.count({ kind: kind.kind, namespace, at, after });
      return { items, resourceVersion, continue: formatToken(kind.kind, at, after), remaining };
    }
  }
}

const Token = z.strictObject({ kind: z.string(), version: z.string(), namespace: z.string(), name: z.string() });

function formatToken(kind: string, version: bigint, after: ListPosition): string {
  return Buffer.from(JSON.stringify({ kind, version: String(version), ...after })).toString('base64url');
}

function parseToken(text: string, kind: string): { version: bigint; after: ListPosition } {
  const token = Token.safeParse(jsonOf(Buffer.from(text, 'base64url').toString())).data;
  if (token?.kind !== kind) throw new Fault('Invalid', `The continue token is not one that a list of ${kind} gave.`);
  return { version: parseVersion(token.version), after: { namespace: token.namespace, name: token.name } };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
