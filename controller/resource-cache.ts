import type { Kind, Resource } from '../crds/define-kind.ts';
import type { Informer } from './informer.ts';
import type { ResourceReader } from './reconciler.ts';
import type { ObjectKey } from './store/store.ts';

/** What is known here of the kinds that are followed. Reading another kind is a bug and throws. */
export class ResourceCache implements ResourceReader {
  readonly #informers = new Map<string, Informer<Resource>>();
  readonly #informerOf: (kind: Kind) => Informer<Resource>;

  constructor(informerOf: (kind: Kind) => Informer<Resource>) {
    this.#informerOf = informerOf;
  }

  get informers(): readonly Informer<Resource>[] {
    return [...this.#informers.values()];
  }

  /** From now on this kind can be read; it has objects once its informer runs. */
  follow(kind: Kind): void {
    if (!this.#informers.has(kind.kind)) this.#informers.set(kind.kind, this.#informerOf(kind));
  }

  get<R extends Resource>(kind: Kind<R>, key: ObjectKey): R | undefined {
    return this.informer(kind).cache.get(key);
  }

  list<R extends Resource>(kind: Kind<R>, namespace?: string): readonly R[] {
    return this.informer(kind).cache.list(namespace);
  }

  ownedBy<R extends Resource>(kind: Kind<R>, uid: string): readonly R[] {
    return this.informer(kind).cache.ownedBy(uid);
  }

  /** An object of whatever kind, if it is in memory. */
  known(kind: string, key: ObjectKey): Resource | undefined {
    return this.#informers.get(kind)?.cache.get(key);
  }

  /** Takes in what a write answered, so that the next read sees it; kinds that nobody follows are passed over. */
  wrote<R extends Resource>(kind: Kind<R>, object: R): void {
    if (this.#informers.has(kind.kind)) this.informer(kind).cache.put(object);
  }

  /** Takes in that a write has removed an object. */
  removed<R extends Resource>(kind: Kind<R>, object: R): void {
    if (this.#informers.has(kind.kind)) this.informer(kind).cache.remove(object);
  }

  informer<R extends Resource>(kind: Kind<R>): Informer<R> {
    const informer = this.#informers.get(kind.kind);
    if (!informer || !holds(informer, kind)) {
      throw new Error(`A loop reads ${kind.kind}, which no loop follows: name it in its \`watches\` or \`owns\`.`);
    }
    return informer;
  }
}

/** One kind, one type of objects: the name of the kind proves it. */
function holds<R extends Resource>(informer: Informer<Resource>, kind: Kind<R>): informer is Informer<R> {
  return informer.kind.kind === kind.kind;
}
