import { randomBytes } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { AdminAnswer, AdminApi } from './admin-api.ts';
import type { CaddyParts } from './caddy-parts.ts';
import type { ProxyFeatures } from './client.ts';
import { ProxyFault } from './fault.ts';
import { hasOurs, hostsRuledByOthers, mergeCaddy } from './merge-caddy.ts';
import { AdminError, CaddyApps, OurServer } from './schema.ts';

const APPS = '/config/apps';

/** What a Caddy has, as it was read. */
export interface CaddyState {
  apps: CaddyApps;
  /** Undefined where it has no configuration at all. */
  etag: string | undefined;
}

/**
 * The configuration of one Caddy, with ours in it. Each change goes in at once, over exactly the state that was read, or
 * ProxyFault `changed`.
 */
export interface CaddyDocument {
  features(signal: AbortSignal): Promise<ProxyFeatures>;
  read(signal: AbortSignal): Promise<CaddyState>;
  /** Puts in what `render` makes of a mark, and answers what then stands. Nothing is changed for nothing. */
  put(before: CaddyState, render: Render, signal: AbortSignal): Promise<CaddyState>;
  /** Takes out all that is ours. */
  clear(before: CaddyState, signal: AbortSignal): Promise<void>;
  /** A small call: whether ours still stands as in this state. */
  stands(state: CaddyState, signal: AbortSignal): Promise<boolean>;
  close(): Promise<void>;
}

/** Makes our part, given a mark and the hosts for whose certificates somebody else has rules. */
export type Render = (options: { mark: string; ruled: ReadonlySet<string> }) => CaddyParts;

export interface CaddyDocumentOptions {
  admin: AdminApi;
  /** What it is called in messages. */
  title?: string | undefined;
  /** The server of ours that is always there, and carries the mark. */
  server: string;
  /** Called before each change; throws when this process may not make it. */
  guard?: (() => void) | undefined;
  /** A text that was never used before. */
  newMark?: (() => string) | undefined;
}

/** Nothing is asked yet. */
export function createCaddyDocument({
  admin,
  title = 'Caddy',
  server,
  guard,
  newMark = randomMark,
}: CaddyDocumentOptions): CaddyDocument {
  let known: ProxyFeatures | undefined;

  async function read(signal: AbortSignal): Promise<CaddyState> {
    const answer = await admin.call({ method: 'GET', path: APPS }, signal);
    // A path of which not even the beginning is there is a bad request to it.
    const isEmpty = answer.status === 400;
    if (!isEmpty && answer.status !== 200) throw refusal(title, answer);
    const parsed = CaddyApps.safeParse(isEmpty ? null : JSON.parse(answer.text));
    if (!parsed.success)
      throw new ProxyFault(
        'refused',
        `${title} answers at ${APPS} with what is no configuration of Caddy. Check the endpoint.`,
      );
    return { apps: parsed.data, etag: isEmpty ? undefined : answer.etag };
  }

  async function replace({ etag }: CaddyState, apps: unknown, signal: AbortSignal): Promise<void> {
    guard?.();
    const body = JSON.stringify(apps);
    const answer = await admin.call(
      { method: etag === undefined ? 'PUT' : 'POST', path: APPS, body, ifMatch: etag },
      signal,
    );
    if (answer.status === 200) return;
    // PUT makes what is not there and nothing else.
    const isChanged = etag === undefined ? (await read(signal)).etag !== undefined : answer.status === 412;
    if (!isChanged) throw refusal(title, answer);
    throw new ProxyFault('changed', `${title} was given another configuration in the meantime; it is read again.`);
  }

  function listenIn({ http }: CaddyApps): string[] | undefined {
    return OurServer.safeParse(http?.servers?.[server]).data?.listen;
  }

  return {
    read,

    async features(signal) {
      if (known) return known;
      // It has no way to be asked for its version; this changes nothing, and shows which words it understands.
      const body = 'http://localhost {\n\treverse_proxy 127.0.0.1:1 {\n\t\tstream_close_delay 1h\n\t}\n}\n';
      const answer = await admin.call({ method: 'POST', path: '/adapt', body, contentType: 'text/caddyfile' }, signal);
      known = { keepsStreams: answer.status === 200 };
      return known;
    },

    async put(before, render, signal) {
      const ruled = hostsRuledByOthers(before.apps);
      const next = (mark: string): unknown => mergeCaddy(before.apps, render({ mark, ruled }));
      const standing = listenIn(before.apps)?.at(-1)?.split('-').at(-1) ?? '';
      // Each change makes Caddy start all its servers anew, so none is made for nothing.
      if (isDeepStrictEqual(next(standing), before.apps)) return before;
      await replace(before, next(newMark()), signal);
      return read(signal);
    },

    async clear(before, signal) {
      if (hasOurs(before.apps)) await replace(before, mergeCaddy(before.apps, undefined), signal);
    },

    async stands({ apps }, signal) {
      const answer = await admin.call({ method: 'GET', path: `${APPS}/http/servers/${server}/listen` }, signal);
      const expected = listenIn(apps);
      return answer.status === 200 && expected !== undefined && isDeepStrictEqual(JSON.parse(answer.text), expected);
    },

    close: () => admin.close(),
  };
}

function refusal(title: string, { status, text }: AdminAnswer): ProxyFault {
  const said = AdminError.safeParse(jsonOf(text)).data?.error ?? text.slice(0, 500);
  if (status === 502 || status === 503 || status === 504)
    return new ProxyFault('unreachable', `${title} answers ${status} at its admin API: ${said}`);
  if (status === 401 || status === 403)
    return new ProxyFault(
      'refused',
      `${title} refuses us at its admin API (${status}: ${said}). Allow it there: admin.origins, admin.remote.`,
    );
  return new ProxyFault('refused', `${title} refuses the configuration: ${said}`);
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function randomMark(): string {
  return randomBytes(6).toString('hex');
}
