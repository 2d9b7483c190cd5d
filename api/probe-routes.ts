import { Hono } from 'hono';
import type { ProbeReport } from '../controller/probes.ts';
import type { ClientAddress } from './auth/client-address.ts';
import type { ApiContext, ApiEnv } from './context.ts';
import { respond } from './respond.ts';

/** What monitoring asks of the process. */
export interface ProbeSource {
  health(): Promise<ProbeReport>;
  readiness(): Promise<ProbeReport>;
}

interface ProbeRoutesOptions {
  probes: ProbeSource | undefined;
  version: string;
  clients: ClientAddress;
}

const well: ProbeReport = { ok: true, checks: [] };

/** `/healthz`, `/livez`, `/readyz` and `/version`, for anybody. Why a check fails is told on this machine only. */
export function probeRoutes({ probes, version, clients }: ProbeRoutesOptions): Hono<ApiEnv> {
  const routes = new Hono<ApiEnv>();
  const health = async (context: ApiContext) => report(context, (await probes?.health()) ?? well);
  const readiness = async (context: ApiContext) => report(context, (await probes?.readiness()) ?? well);

  function report(context: ApiContext, { ok, checks }: ProbeReport): Response {
    const local = clients.isLocal(context);
    const lines = checks.map((check) => {
      if (check.ok) return `[+] ${check.name} ok`;
      return `[-] ${check.name} failed: ${local ? (check.message ?? 'no reason given') : 'ask on the machine itself for the reason'}`;
    });
    return context.text(ok && !context.req.query('verbose') ? 'ok' : `${lines.join('\n')}\n`, ok ? 200 : 503);
  }

  routes.get('/healthz', health);
  routes.get('/livez', health);
  routes.get('/readyz', readiness);
  routes.get('/version', (context) => respond(context, versionObject(version)));
  return routes;
}

/** In the form that Kubernetes clients read. */
function versionObject(version: string): object {
  const [major = '0', minor = '0'] = version.split('.');
  return { major, minor, gitVersion: `v${version}`, platform: `${process.platform}/${process.arch}` };
}
