import type { Resource } from '../crds/define-kind.ts';
import { formatKey, keyOf } from './object-key.ts';
import type { ObjectKey } from './store/store.ts';

type Group<R> = Map<string, R>;

/** Objects of one kind by key, by namespace and by the uid of each owner. */
export class ObjectIndex<R extends Resource> {
  readonly #byKey: Group<R> = new Map();
  readonly #byNamespace = new Map<string, Group<R>>();
  readonly #byOwner = new Map<string, Group<R>>();

  get size(): number {
    return this.#byKey.size;
  }

  get(key: ObjectKey): R | undefined {
    return this.#byKey.get(formatKey(key));
  }

  /** All, or those of one namespace. */
  list(namespace?: string): R[] {
    const group = namespace === undefined ? this.#byKey : this.#byNamespace.get(namespace);
    return [...(group?.values() ?? [])];
  }

  ownedBy(uid: string): R[] {
    return [...(this.#byOwner.get(uid)?.values() ?? [])];
  }

  /** Puts an object in the place of what has its key. */
  set(object: R): void {
    this.remove(keyOf(object));
    const text = formatKey(keyOf(object));
    this.#byKey.set(text, object);
    for (const [groups, name] of this.#groupsOf(object)) {
      const group = groups.get(name);
      if (group) group.set(text, object);
      else groups.set(name, new Map([[text, object]]));
    }
  }

  remove(key: ObjectKey): void {
    const text = formatKey(key);
    const object = this.#byKey.get(text);
    if (!object) return;
    this.#byKey.delete(text);
    for (const [groups, name] of this.#groupsOf(object)) {
      const group = groups.get(name);
      group?.delete(text);
      if (group?.size === 0) groups.delete(name);
    }
  }

  #groupsOf(object: R): [Map<string, Group<R>>, string][] {
    const { namespace, ownerReferences = [] } = object.metadata;
    const groups: [Map<string, Group<R>>, string][] = [];
    if (namespace !== undefined) groups.push([this.#byNamespace, namespace]);
    for (const uid of new Set(ownerReferences.map((owner) => owner.uid))) groups.push([this.#byOwner, uid]);
    return groups;
  }
}
