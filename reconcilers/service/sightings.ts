import { stableHash } from '../shared/stable-hash.ts';
import type { Sighting } from './follow-references.ts';
import type { References } from './references.ts';

/** Since when what services refer to has differed from what they were rolled out with. In memory: a restart begins anew. */
export class Sightings {
  readonly #seen = new Map<string, Sighting & { what: string }>();

  /** Notes a look at references that differ. */
  note(uid: string, { digest, endpoints }: References, now: Date): Sighting {
    const what = stableHash([digest, endpoints]);
    const nowMs = now.getTime();
    const before = this.#seen.get(uid);
    const sighting = before?.what === what ? before : { what, firstMs: before?.firstMs ?? nowMs, lastMs: nowMs };
    this.#seen.set(uid, sighting);
    return sighting;
  }

  /** They do not differ any more. */
  clear(uid: string): void {
    this.#seen.delete(uid);
  }
}
