import { setImmediate as nextTurn } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../../../controller/clock.ts';
import { Fault } from '../../../controller/errors.ts';
import { checkRoute, checkSettings } from './check-route.ts';
import type { ProxyClient, ProxyReading, ProxyRoute, ProxySettings } from './client.ts';
import { isProxyFault, ProxyFault } from './fault.ts';
import { sortedRoute } from './read-caddy.ts';

/** What is known of a proxy. */
export interface TableState {
  /** Routes that it has, as it said itself; undefined while it has not been read. */
  routes: number | undefined;
  /** Whether WebSockets outlive a change of its routes; undefined while that is not known. */
  keepsStreams: boolean | undefined;
  /** Why nothing can be changed in it. */
  trouble: Fault | undefined;
}

/**
 * The routes that one proxy is to have. Telling it returns at once; what is told in a burst goes in with one write, in the
 * order it came. Routes that are in the proxy and that nobody has told of are left there.
 */
export interface RouteTable {
  configure(settings: ProxySettings): void;
  put(route: ProxyRoute): void;
  remove(id: string): void;
  /** Removes what the proxy has under other ids than these. */
  retain(ids: ReadonlySet<string>): void;
  /** The route as the proxy has confirmed it; undefined when it has none. */
  acknowledged(id: string): ProxyRoute | undefined;
  /** Why the route as it was told last is not taken. */
  refusalOf(id: string): Fault | undefined;
  /** Resolves once the proxy has answered to what was told of this route; false when it has not within `ms`. */
  answered(id: string, ms: number, signal: AbortSignal): Promise<boolean>;
  /** Looks whether all is still there, and puts back what is not. Throws ProxyFault when the proxy does not answer. */
  check(signal: AbortSignal): Promise<void>;
  state(): TableState;
  /** Takes all that is ours out of the proxy. */
  clear(signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

interface RouteTableOptions {
  client: ProxyClient;
  clock: Clock;
  /** Told of routes whose answer came after `answered` had given up on it. */
  onLateAnswer: (ids: readonly string[]) => void;
}

/** The whole is read again so often although its mark stands: somebody may have changed something by hand. */
const FULL_READ_MS = 60_000;
const MOST_CONFLICTS = 8;

export function createRouteTable({ client, clock, onLateAnswer }: RouteTableOptions): RouteTable {
  /** What was told; undefined for what is to go. */
  const wanted = new Map<string, ProxyRoute | undefined>();
  const refused = new Map<string, Fault>();
  const late = new Set<string>();
  const life = new AbortController();
  let settings: ProxySettings | undefined;
  /** What the proxy said last; it is read again before the next write when it may have changed since. */
  let reading: ProxyReading | undefined;
  let isStale = true;
  let readAtMs = 0;
  let keepsStreams: boolean | undefined;
  let trouble: Fault | undefined;
  let isDirty = false;
  let working: Promise<void> | undefined;
  let roundEnd = Promise.withResolvers<void>();

  async function work(): Promise<void> {
    if (working === undefined && hasWork()) working = workOff();
    await working;
  }

  async function workOff(): Promise<void> {
    try {
      do await round();
      while (hasWork() && trouble === undefined);
    } finally {
      working = undefined;
    }
  }

  async function round(): Promise<void> {
    // What else is told in this turn of the event loop goes with it.
    await nextTurn();
    isDirty = false;
    trouble = await bringIn().then(
      () => undefined,
      (error: unknown) => (error instanceof Fault ? error : bug(error)),
    );
    const answeredLate = [...late].filter(isAnswered);
    for (const id of answeredLate) late.delete(id);
    roundEnd.resolve();
    roundEnd = Promise.withResolvers();
    if (answeredLate.length > 0) onLateAnswer(answeredLate);
  }

  function hasWork(): boolean {
    return isDirty && settings !== undefined && !life.signal.aborted;
  }

  async function bringIn(): Promise<void> {
    if (settings) checkSettings(settings);
    keepsStreams ??= (await client.features(life.signal)).keepsStreams;
    if (isStale) await readAgain();
    await apply(open());
    for (const [id, route] of wanted) if (route === undefined && reading?.routes.has(id) === false) wanted.delete(id);
  }

  async function readAgain(): Promise<void> {
    reading = await client.read(life.signal);
    readAtMs = clock.monotonicMs();
    isStale = false;
  }

  /** Ids of which the proxy has another route than was told. */
  function open(): string[] {
    return [...wanted.keys()].filter((id) => !refused.has(id) && !isAsTold(id));
  }

  /** One that the proxy refuses does not hold up the others: it is found by halving. */
  async function apply(ids: readonly string[]): Promise<void> {
    try {
      await write(ids);
    } catch (error) {
      if (!isProxyFault(error, 'refused') || ids.length === 0) throw error;
      // When it is not the changes that are refused, no halving finds them.
      await write([]);
      const [only] = ids;
      if (ids.length === 1 && only !== undefined) return void refused.set(only, error);
      const middle = Math.ceil(ids.length / 2);
      await apply(ids.slice(0, middle));
      await apply(ids.slice(middle));
    }
  }

  async function write(ids: readonly string[], conflicts = 0): Promise<void> {
    if (isStale) await readAgain();
    if (settings === undefined || reading === undefined) return;
    const routes = new Map(reading.routes);
    for (const id of ids) {
      const route = wanted.get(id);
      if (route) routes.set(id, route);
      else routes.delete(id);
    }
    try {
      reading = await client.write({ settings, routes }, reading.revision, life.signal);
    } catch (error) {
      // Of what was refused nothing was done; of anything else nobody knows.
      isStale = !isProxyFault(error, 'refused');
      if (!isProxyFault(error, 'changed') || conflicts >= MOST_CONFLICTS) throw error;
      await write(ids, conflicts + 1);
    }
  }

  function isAsTold(id: string): boolean {
    return reading !== undefined && isDeepStrictEqual(reading.routes.get(id), wanted.get(id));
  }

  function isAnswered(id: string): boolean {
    return refused.has(id) || isAsTold(id);
  }

  function changed(): void {
    isDirty = true;
    void work();
  }

  return {
    configure(next) {
      if (isDeepStrictEqual(settings, next)) return;
      settings = { ...next };
      refused.clear();
      changed();
    },

    put(told) {
      // Without a host there is nothing that the proxy could have.
      if (told.hosts.length === 0) return this.remove(told.id);
      const route = sortedRoute(told);
      const isNews = !wanted.has(route.id) || !isDeepStrictEqual(wanted.get(route.id), route);
      if (!isNews && isAnswered(route.id)) return;
      refused.delete(route.id);
      wanted.set(route.id, route);
      try {
        checkRoute(route);
      } catch (error) {
        if (!isProxyFault(error)) throw error;
        refused.set(route.id, error);
        return;
      }
      if (!isAsTold(route.id)) changed();
    },

    remove(id) {
      refused.delete(id);
      wanted.set(id, undefined);
      if (!isAsTold(id)) changed();
    },

    retain(ids) {
      for (const id of reading?.routes.keys() ?? []) if (!ids.has(id)) this.remove(id);
    },

    acknowledged: (id) => reading?.routes.get(id),
    refusalOf: (id) => refused.get(id) ?? trouble,

    async answered(id, ms, signal) {
      const timeout = Promise.withResolvers<false>();
      const cancel = clock.after(ms, () => timeout.resolve(false));
      try {
        while (!isAnswered(id)) {
          if (signal.aborted) throw signal.reason;
          const goesOn = await Promise.race([roundEnd.promise.then(() => trouble === undefined), timeout.promise]);
          if (goesOn) continue;
          late.add(id);
          return false;
        }
        return true;
      } finally {
        cancel();
      }
    },

    async check(signal) {
      if (working === undefined && !isDirty) {
        const isOld = clock.monotonicMs() - readAtMs > FULL_READ_MS;
        if (isOld || !(await client.stands(signal))) isStale = true;
      }
      if (isStale || trouble !== undefined) isDirty = true;
      await work();
      if (isProxyFault(trouble, 'unreachable')) throw trouble;
    },

    state: () => ({ routes: reading?.routes.size, keepsStreams, trouble }),

    async clear(signal) {
      settings = undefined;
      await working;
      const { revision } = await client.read(signal);
      await client.clear(revision, signal);
      isStale = true;
    },

    async close() {
      life.abort(new ProxyFault('unreachable', 'The connection to the proxy is closed.'));
      await working;
      await client.close();
    },
  };
}

function bug(error: unknown): Fault {
  return new ProxyFault('refused', 'A bug: the configuration of the proxy could not be put together.', {
    cause: error,
  });
}
