import type { Logger } from 'pino';
import { z } from 'zod';
import type { Kind, Resource } from '../../crds/define-kind.ts';
import { isFault } from '../errors.ts';
import { describeObject, unreadable } from './refusals.ts';

/** Reads a stored object, or answers undefined (and says so in the log, once) when this version cannot. */
export type ReadStored = <R extends Resource>(kind: Kind<R>, json: string) => R | undefined;

const Identity = z.object({
  metadata: z.object({ namespace: z.string().optional(), name: z.string(), uid: z.string() }),
});

/** Makes a reader for lists and watches, where one unreadable object must not hide the others. */
export function createReadStored(log: Pick<Logger, 'error'> | undefined): ReadStored {
  const reported = new Set<string>();
  return (kind, json) => {
    const stored: unknown = JSON.parse(json);
    try {
      return kind.read(stored);
    } catch (error) {
      const fault = readFault(kind, stored, error);
      const uid = Identity.safeParse(stored).data?.metadata.uid ?? json;
      if (!reported.has(uid))
        log?.error({ fields: fault.fields }, `${fault.message}. It is left out of lists and watches until then.`);
      reported.add(uid);
      return undefined;
    }
  };
}

/** Reads a stored object, or throws Invalid with the reason. */
export function readOrThrow<R extends Resource>(kind: Kind<R>, json: string): R {
  const stored: unknown = JSON.parse(json);
  try {
    return kind.read(stored);
  } catch (error) {
    if (isFault(error)) throw error;
    throw readFault(kind, stored, error);
  }
}

function readFault(kind: Pick<Kind, 'kind'>, stored: unknown, error: unknown) {
  const { name = 'unknown', namespace } = Identity.safeParse(stored).data?.metadata ?? {};
  const what = describeObject(kind.kind, { namespace, name });
  return unreadable(
    error,
    `${what} is stored in a form that this version of Containr cannot read; start the version that wrote it, or delete it`,
  );
}
