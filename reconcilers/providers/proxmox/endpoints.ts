import type { Clock } from '../../../controller/clock.ts';

const FIRST_REST_MS = 1_000;
const LONGEST_REST_MS = 60_000;

/** One address of the cluster, and how it fared. */
export interface Endpoint {
  readonly url: string;
  failures: number;
  /** On the monotonic clock. */
  restsUntilMs: number;
}

/** The addresses of a cluster: the one that works is kept to, those that failed rest for a while. */
export class Endpoints {
  readonly #clock: Clock;
  readonly #all: readonly Endpoint[];
  #preferred: Endpoint | undefined;

  constructor(urls: readonly string[], clock: Clock) {
    this.#clock = clock;
    this.#all = urls.map((url) => ({ url, failures: 0, restsUntilMs: -Infinity }));
  }

  /** In the order to try them. When all rest, the one that has rested longest gets its chance, so that a call ends soon. */
  candidates(): Endpoint[] {
    const nowMs = this.#clock.monotonicMs();
    const awake = this.#all.filter(({ restsUntilMs }) => restsUntilMs <= nowMs);
    const preferred = awake.filter((endpoint) => endpoint === this.#preferred);
    if (awake.length > 0) return [...preferred, ...awake.filter((endpoint) => endpoint !== this.#preferred)];
    return this.#all.toSorted((a, b) => a.restsUntilMs - b.restsUntilMs).slice(0, 1);
  }

  /** True when this is news: the endpoint had failed before. */
  answered(endpoint: Endpoint): boolean {
    const isNews = endpoint.failures > 0;
    endpoint.failures = 0;
    endpoint.restsUntilMs = -Infinity;
    this.#preferred = endpoint;
    return isNews;
  }

  /** True when this is news: the endpoint worked, or was new, before. */
  failed(endpoint: Endpoint): boolean {
    endpoint.failures += 1;
    const restMs = Math.min(FIRST_REST_MS * 2 ** (endpoint.failures - 1), LONGEST_REST_MS);
    endpoint.restsUntilMs = this.#clock.monotonicMs() + restMs;
    if (this.#preferred === endpoint) this.#preferred = undefined;
    return endpoint.failures === 1;
  }
}
