import { setCondition, type ConditionInput } from '../../crds/condition.ts';
import type { Proxy } from '../../crds/proxy.ts';
import type { TableState } from '../providers/proxy/route-table.ts';

/** What a look at a proxy came to: how it is, or why it does not answer. */
export type ProxyFindings = { reached: true; state: TableState } | { reached: false; message: string };

/** The status as the look has it; what was known of routes stays when nothing was seen. Pure. */
export function reportProxy(
  proxy: Proxy,
  status: Proxy['status'],
  findings: ProxyFindings,
  now: Date,
): Proxy['status'] {
  const routes = findings.reached ? findings.state.routes : status.routes;
  return {
    ...status,
    ...(routes !== undefined && { routes }),
    conditions: setCondition(status.conditions, readyCondition(findings), {
      generation: proxy.metadata.generation,
      now,
    }),
  };
}

/** A Traefik is not driven: it asks for its configuration, so there is nothing to look at. Pure. */
export function reportTraefik(proxy: Proxy, status: Proxy['status'], routes: number, now: Date): Proxy['status'] {
  const message = 'Traefik asks for its configuration at /traefik/config of this server.';
  const at = { generation: proxy.metadata.generation, now };
  const conditions = setCondition(
    status.conditions,
    { type: 'Ready', status: 'True', reason: 'ProxyAsks', message },
    at,
  );
  return { ...status, routes, conditions };
}

function readyCondition(findings: ProxyFindings): ConditionInput {
  if (!findings.reached)
    return { type: 'Ready', status: 'False', reason: 'ProxyUnreachable', message: findings.message };
  const { trouble, keepsStreams } = findings.state;
  if (trouble) return { type: 'Ready', status: 'False', reason: 'ProxyRefuses', message: trouble.message };
  const streams =
    keepsStreams === false
      ? ' This version closes WebSockets whenever a route changes; Caddy 2.7 and newer do not.'
      : '';
  return {
    type: 'Ready',
    status: 'True',
    reason: 'ProxyReachable',
    message: `Caddy answers and has our routes.${streams}`,
  };
}
