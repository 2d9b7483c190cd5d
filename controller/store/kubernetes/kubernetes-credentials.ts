import { HttpMethod, RequestContext, type KubeConfig } from '@kubernetes/client-node';
import type { Dispatcher } from 'undici';
import type { Clock } from '../../clock.ts';

/** Tokens of service accounts and of plugins are replaced now and then, long before they end. */
const GOOD_FOR_MS = 60_000;

/** How a request shows who asks, and the connections on which it does. */
interface Credentials {
  headers: Readonly<Record<string, string>>;
  dispatcher: Dispatcher | undefined;
}

/** Credentials of the user of a kubeconfig: read anew every minute, so that connections can be used again meanwhile. */
export class KubernetesCredentials {
  readonly #config: KubeConfig;
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  #current: { credentials: Promise<Credentials>; readAtMs: number } | undefined;

  constructor(config: KubeConfig, clock: Pick<Clock, 'monotonicMs'>) {
    this.#config = config;
    this.#clock = clock;
  }

  /** For a request to `url` that is made now. */
  get(url: URL): Promise<Credentials> {
    const nowMs = this.#clock.monotonicMs();
    if (this.#current && nowMs - this.#current.readAtMs < GOOD_FOR_MS) return this.#current.credentials;
    this.drop();
    const credentials = this.#read(url);
    this.#current = { credentials, readAtMs: nowMs };
    credentials.catch(() => this.drop());
    return credentials;
  }

  /** The next request reads them anew: these were refused, or are not needed any more. */
  drop(): void {
    const old = this.#current?.credentials;
    this.#current = undefined;
    // What is under way on its connections goes on to its end.
    old?.then(({ dispatcher }) => dispatcher?.close()).catch(() => undefined);
  }

  async #read(url: URL): Promise<Credentials> {
    const context = new RequestContext(url.href, HttpMethod.GET);
    await this.#config.applySecurityAuthentication(context);
    return { headers: context.getHeaders(), dispatcher: context.getDispatcher() };
  }
}
