import type { Resource } from '../../../crds/define-kind.ts';
import type { ObjectKey } from '../store.ts';

/** So many uids are remembered; the ones not seen for longest go first. */
const MOST = 100_000;

/** Where objects were last seen, by their uid: an API server cannot be asked for one. */
export class KeysByUid {
  readonly #keys = new Map<string, { kind: string; key: ObjectKey }>();

  note({ kind, metadata: { namespace, name, uid } }: Resource): void {
    const known = this.#keys.get(uid);
    this.#keys.delete(uid);
    this.#keys.set(uid, known ?? { kind, key: { namespace, name } });
    if (this.#keys.size <= MOST) return;
    const [oldest] = this.#keys.keys();
    if (oldest !== undefined) this.#keys.delete(oldest);
  }

  forget(uid: string): void {
    this.#keys.delete(uid);
  }

  /** Where an object of this kind was; it may have gone since. */
  find(kind: string, uid: string): ObjectKey | undefined {
    const known = this.#keys.get(uid);
    return known?.kind === kind ? known.key : undefined;
  }
}
