import { randomBytes } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { AdminAnswer, AdminApi } from './admin-api.ts';
import { HTTP_SERVER, renderCaddy } from './caddy-config.ts';
import type { ProxyClient, ProxyFeatures, ProxyReading } from './client.ts';
import { ProxyFault } from './fault.ts';
import { hasOurs, hostsRuledByOthers, mergeCaddy } from './merge-caddy.ts';
import { readCaddyRoutes } from './read-caddy.ts';
import { AdminError, CaddyApps, OurServer } from './schema.ts';

const APPS = '/config/apps';

interface CaddyOptions {
  admin: AdminApi;
  /** Called before each change; throws when this process may not make it. */
  guard?: () => void;
  /** A text that was never used before. */
  newMark?: () => string;
}

interface Standing extends ProxyReading {
  apps: CaddyApps;
  /** Undefined where Caddy has no configuration at all. */
  etag: string | undefined;
}

/**
 * A Caddy through its admin API. Two servers and two rules for certificates in it are ours; a shutdown delay is set where
 * there is none. Each change goes in at once, over exactly the state that was read, or Caddy refuses it.
 */
export function createCaddyClient({ admin, guard, newMark = randomMark }: CaddyOptions): ProxyClient {
  let standing: Standing | undefined;
  let known: ProxyFeatures | undefined;

  async function features(signal: AbortSignal): Promise<ProxyFeatures> {
    if (known) return known;
    // It has no way to be asked for its version; this changes nothing, and shows which words it understands.
    const body = 'http://localhost {\n\treverse_proxy 127.0.0.1:1 {\n\t\tstream_close_delay 1h\n\t}\n}\n';
    const answer = await admin.call({ method: 'POST', path: '/adapt', body, contentType: 'text/caddyfile' }, signal);
    known = { keepsStreams: answer.status === 200 };
    return known;
  }

  async function read(signal: AbortSignal): Promise<Standing> {
    const answer = await admin.call({ method: 'GET', path: APPS }, signal);
    // A path of which not even the beginning is there is a bad request to it.
    const isEmpty = answer.status === 400;
    if (!isEmpty && answer.status !== 200) throw refusal(answer);
    const parsed = CaddyApps.safeParse(isEmpty ? null : JSON.parse(answer.text));
    if (!parsed.success)
      throw new ProxyFault(
        'refused',
        `Caddy answers at ${APPS} with what is no configuration of Caddy. Check spec.endpoint.`,
      );
    standing = {
      revision: newMark(),
      routes: readCaddyRoutes(parsed.data),
      apps: parsed.data,
      etag: isEmpty ? undefined : answer.etag,
    };
    return standing;
  }

  async function put(apps: unknown, { etag }: Standing, signal: AbortSignal): Promise<void> {
    guard?.();
    const body = JSON.stringify(apps);
    const answer = await admin.call(
      { method: etag === undefined ? 'PUT' : 'POST', path: APPS, body, ifMatch: etag },
      signal,
    );
    if (answer.status === 200) return;
    // PUT makes what is not there and nothing else.
    const isChanged = etag === undefined ? (await read(signal)).etag !== undefined : answer.status === 412;
    if (!isChanged) throw refusal(answer);
    throw new ProxyFault('changed', 'The configuration of Caddy was changed in the meantime; it is read again.');
  }

  /** What a change is made over: only what was read last. */
  function readAs(revision: string): Standing {
    if (standing?.revision === revision) return standing;
    throw new ProxyFault('changed', 'The configuration of Caddy was read again in the meantime.');
  }

  return {
    features,
    read,

    async stands(signal) {
      const path = `${APPS}/http/servers/${HTTP_SERVER}/listen`;
      const { status, text } = await admin.call({ method: 'GET', path }, signal);
      const expected = standing && listenOf(standing.apps);
      return status === 200 && expected !== undefined && isDeepStrictEqual(JSON.parse(text), expected);
    },

    async write(table, revision, signal) {
      const before = readAs(revision);
      const options = { features: await features(signal), ruled: hostsRuledByOthers(before.apps) };
      const next = (mark: string): unknown => mergeCaddy(before.apps, renderCaddy(table, { ...options, mark }));
      // Each change makes Caddy start all its servers anew, so none is made for nothing.
      if (isDeepStrictEqual(next(markOf(before.apps)), before.apps)) return before;
      await put(next(newMark()), before, signal);
      return read(signal);
    },

    async clear(revision, signal) {
      const before = readAs(revision);
      if (hasOurs(before.apps)) await put(mergeCaddy(before.apps, undefined), before, signal);
    },

    close: () => admin.close(),
  };
}

function listenOf(apps: CaddyApps): string[] | undefined {
  return OurServer.safeParse(apps.http?.servers?.[HTTP_SERVER]).data?.listen;
}

/** The mark of the write that left this. */
function markOf(apps: CaddyApps): string {
  return listenOf(apps)?.at(-1)?.split('-').at(-1) ?? '';
}

function refusal({ status, text }: AdminAnswer): ProxyFault {
  const said = AdminError.safeParse(jsonOf(text)).data?.error ?? text.slice(0, 500);
  if (status === 502 || status === 503 || status === 504)
    return new ProxyFault('unreachable', `Caddy's admin API answers ${status}: ${said}`);
  if (status === 401 || status === 403)
    return new ProxyFault(
      'refused',
      `Caddy's admin API refuses us (${status}: ${said}). Allow it there: admin.origins, admin.remote.`,
    );
  return new ProxyFault('refused', `Caddy refuses the configuration: ${said}`);
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
