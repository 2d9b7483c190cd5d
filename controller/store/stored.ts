import { z } from 'zod';
import type { StoredObject } from './decision.ts';

/** An object as it is kept: JSON in which the version is left open, and the version. */
export interface Stored {
  version: bigint;
  json: string;
  /** What `json` says, where this process knows it already: as its kind reads it, with its version, frozen. */
  object?: StoredObject | undefined;
}

const Versioned = z.looseObject({ metadata: z.looseObject({}) });

/** What was stored, with what is known of the same object when that is of the same version. */
export function withKnown<S extends Stored>(stored: S, known: StoredObject | undefined): S {
  return known?.metadata.resourceVersion === String(stored.version) ? { ...stored, object: known } : stored;
}

/** What was stored, with its version in it. */
export function parseStored({ version, json }: Stored): unknown {
  const object = Versioned.parse(JSON.parse(json));
  return { ...object, metadata: { ...object.metadata, resourceVersion: String(version) } };
}

/** The JSON to keep of an object. */
export function storedJson<O extends { metadata: object }>(object: O): string {
  return JSON.stringify({ ...object, metadata: { ...object.metadata, resourceVersion: '' } });
}
