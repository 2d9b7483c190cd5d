import type { Logger } from 'pino';
import { z } from 'zod';
import type { Kind, Resource } from '../../crds/define-kind.ts';
import { deepFreeze } from '../deep-freeze.ts';
import type { StoredObject } from './decision.ts';
import { describeObject, unreadable } from './refusals.ts';
import { parseStored, type Stored } from './stored.ts';

/** Reads a stored object, or answers undefined (and says so in the log, once) when this version cannot. */
export type ReadStored = <R extends Resource>(kind: Kind<R>, stored: Stored) => R | undefined;

const Identity = z.object({
  metadata: z.object({ namespace: z.string().optional(), name: z.string(), uid: z.string() }),
});

/** Reads an object of a list or watch, or answers undefined (and says so in the log, once) when this version cannot. */
export type ReadListed = <R extends Resource>(kind: Kind<R>, object: unknown) => R | undefined;

/** Makes a reader for lists and watches, where one unreadable object must not hide the others. */
export function createReadStored(log: Pick<Logger, 'error'> | undefined): ReadStored {
  const readListed = createReadListed(log);
  return (kind, stored) => {
    if (stored.object && isOf(kind, stored.object)) return stored.object;
    return readListed(kind, parseStored(stored));
  };
}

/** The same for objects that are known as values already. */
export function createReadListed(log: Pick<Logger, 'error'> | undefined): ReadListed {
  const reported = new Set<string>();
  return (kind, object) => {
    try {
      return deepFreeze(kind.read(object));
    } catch (error) {
      const fault = readFault(kind, object, error);
      const uid = Identity.safeParse(object).data?.metadata.uid ?? JSON.stringify(object);
      if (!reported.has(uid))
        log?.error({ fields: fault.fields }, `${fault.message}. It is left out of lists and watches until then.`);
      reported.add(uid);
      return undefined;
    }
  };
}

/** Reads a stored object, or throws Invalid with the reason. One that is known already is shared. */
export function readShared<R extends Resource>(kind: Kind<R>, stored: Stored): R {
  if (stored.object && isOf(kind, stored.object)) return stored.object;
  return readOrThrow(kind, parseStored(stored));
}

/** Reads an object that was stored, or throws Invalid with the reason. */
export function readOrThrow<R extends Resource>(kind: Kind<R>, object: unknown): R {
  try {
    return kind.read(object);
  } catch (error) {
    throw readFault(kind, object, error);
  }
}

/** The definition that each kind is written by in this process. */
const definitions = new Map<string, Pick<Kind, 'kind'>>();

/** Says that objects of a kind are made by this definition from now on. Of two under one name only the first shares its objects. */
export function claimKind(kind: Pick<Kind, 'kind'>): void {
  if (!definitions.has(kind.kind)) definitions.set(kind.kind, kind);
}

/** One definition, one type of objects: what another made of the same name has to be read by this one. */
function isOf<R extends Resource>(kind: Kind<R>, object: StoredObject): object is R {
  return object.kind === kind.kind && definitions.get(kind.kind) === kind;
}

function readFault(kind: Pick<Kind, 'kind'>, object: unknown, error: unknown) {
  const { name = 'unknown', namespace } = Identity.safeParse(object).data?.metadata ?? {};
  const what = describeObject(kind.kind, { namespace, name });
  return unreadable(
    error,
    `${what} is stored in a form that this version of Containr cannot read; start the version that wrote it, or delete it`,
  );
}
