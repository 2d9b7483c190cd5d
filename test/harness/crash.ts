/** Where a process dies: at its nth call to the outside, before the call has happened or when its answer was on the way. */
export interface CrashPoint {
  call: number;
  when: 'before' | 'after';
}

/**
 * One life of a process. It ends at the crash point, if there is one; from then on nothing that it calls happens, and
 * nothing answers, so that not even a `catch` or a `finally` runs: as with `kill -9`.
 */
export class Fuse {
  /** Resolves with the name of the call at which the process died. */
  readonly died: Promise<string>;
  readonly #point: CrashPoint | undefined;
  /** Names of the calls, in order. */
  readonly trail: string[];
  readonly #die: (call: string) => void;
  #isBlown = false;

  /** With the calls so far, when earlier lives count too. */
  constructor(point?: CrashPoint, trail: readonly string[] = []) {
    this.#point = point;
    this.trail = [...trail];
    const { promise, resolve } = Promise.withResolvers<string>();
    this.died = promise;
    this.#die = resolve;
  }

  get calls(): number {
    return this.trail.length;
  }

  get isBlown(): boolean {
    return this.#isBlown;
  }

  /**
   * The same object, reached from this process: each call of a method counts. All methods are taken to be asynchronous but
   * those named in `uncounted`, which pass as they are.
   */
  reach<T extends object>(target: T, { uncounted = [] }: { uncounted?: readonly (keyof T & string)[] } = {}): T {
    const passing = new Set<string | symbol>(uncounted);
    return new Proxy(target, {
      get: (object, property) => {
        const value: unknown = Reflect.get(object, property, object);
        if (typeof value !== 'function') return value;
        if (passing.has(property)) return value.bind(object);
        return (...args: unknown[]): Promise<unknown> =>
          this.#call(String(property), async () => Reflect.apply(value, object, args));
      },
    });
  }

  async #call(name: string, act: () => Promise<unknown>): Promise<unknown> {
    if (this.#isBlown) return never();
    const isLast = this.trail.push(name) === this.#point?.call;
    if (isLast && this.#point?.when === 'before') return this.#blow(name);
    if (!isLast) {
      const answer = await act();
      return this.#isBlown ? never() : answer;
    }
    // The call is on its way and will be carried out; nobody is left to hear how it went.
    await act().catch(() => undefined);
    return this.#blow(name);
  }

  #blow(name: string): Promise<never> {
    this.#isBlown = true;
    this.#die(name);
    return never();
  }
}

function never(): Promise<never> {
  return new Promise(() => undefined);
}
