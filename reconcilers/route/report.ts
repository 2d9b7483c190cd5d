import { setCondition, type ConditionInput } from '../../crds/condition.ts';
import type { Route } from '../../crds/route.ts';
import { urlOf } from './hosts.ts';
import type { RouteView } from './observe.ts';
import type { TrafficPlan } from './plan.ts';

/** How the proxy answered to what it was told: it has it, it has not yet, or it will not. */
export type ProxyAnswer =
  | { type: 'taken' }
  | { type: 'open'; message: string }
  | { type: 'unreachable' | 'refused'; message: string };

/** All that a report goes by. */
export interface RouteFindings {
  view: RouteView;
  plan: TrafficPlan;
  answer: ProxyAnswer;
}

/** The status as the proxy has confirmed it: what it has not taken yet is not in it. Pure. */
export function reportRoute(
  route: Route,
  status: Route['status'],
  findings: RouteFindings,
  now: Date,
): Route['status'] {
  const { view, plan, answer } = findings;
  const { proxy: _, url: __, ...rest } = status;
  const carried = view.proxy ? { ...rest, proxy: view.proxy.metadata.name } : withoutProxy(rest, plan);
  const traffic = view.proxy && answer.type === 'taken' ? withTraffic(status, findings, now) : {};
  const url = urlFor(findings);
  const next = { ...carried, ...traffic, ...(url !== undefined && { url }) };
  const condition = readyCondition(next, findings, route.metadata.namespace);
  return {
    ...next,
    conditions: setCondition(status.conditions, condition, { generation: route.metadata.generation, now }),
  };
}

/** Nothing is routed, so nothing is confirmed; requests go to the guests themselves. */
function withoutProxy(status: Omit<Route['status'], 'proxy' | 'url'>, plan: TrafficPlan): typeof status {
  const { revision: _, ...rest } = status;
  return { ...rest, hosts: [], upstreams: [], draining: [], serving: plan.ready ? plan.upstreams.length : 0 };
}

function withTraffic(
  status: Route['status'],
  { view, plan }: RouteFindings,
  now: Date,
): Pick<Route['status'], 'hosts' | 'upstreams' | 'serving' | 'draining' | 'revision'> {
  const serving = new Set(plan.upstreams.map(({ guest }) => guest));
  const existing = new Set(view.revisions.flatMap(({ guests }) => guests.map(({ guest }) => guest)));
  const left = status.upstreams.map((upstream) => ({ ...upstream, since: now.toISOString() }));
  const draining = new Map([...left, ...status.draining].map((entry) => [entry.guest, entry]));
  return {
    hosts: view.granted.map(({ host }) => host),
    upstreams: [...plan.upstreams],
    serving: plan.upstreams.length,
    draining: [...draining.values()].filter(({ guest }) => !serving.has(guest) && existing.has(guest)),
    ...(plan.revision !== undefined && { revision: plan.revision }),
  };
}

/** A wildcard is no address that anybody could open. */
function urlFor({ view, plan }: RouteFindings): string | undefined {
  const { proxy, granted } = view;
  if (!proxy) return plan.upstreams[0] && `http://${plan.upstreams[0].address}`;
  const host = granted.find((candidate) => !candidate.host.startsWith('*.'));
  return host && urlOf(host, proxy);
}

function readyCondition(
  status: Pick<Route['status'], 'url' | 'serving'>,
  { view, plan, answer }: RouteFindings,
  namespace: string | undefined,
): ConditionInput {
  const no = (reason: ConditionInput['reason'], message: string): ConditionInput => ({
    type: 'Ready',
    status: 'False',
    reason,
    message,
  });
  if (!view.proxy)
    return no('NoProxy', 'There is no Proxy; requests go to the guests themselves. Create a Proxy for host names.');
  if (answer.type === 'unreachable') return no('ProxyUnreachable', answer.message);
  if (answer.type === 'refused') return no('ProxyRefuses', answer.message);
  if (answer.type === 'open') return no('Waiting', answer.message);
  if (view.taken.length > 0) return no('HostTaken', takenMessage(view, namespace));
  if (view.granted.length === 0)
    return no(
      'NoHost',
      `The Proxy ${view.proxy.metadata.name} has no baseDomain and the Service no domains. Set one of them.`,
    );
  if (plan.upstreams.length === 0)
    return no('NoUpstream', 'No guest can take requests; they are answered with 503 until one can.');
  const guests = status.serving === 1 ? '1 guest takes' : `${status.serving} guests take`;
  if (!plan.ready)
    return no(
      'NoUpstream',
      `No guest is healthy; ${guests} the requests still, being the last that ${status.serving === 1 ? 'was' : 'were'}.`,
    );
  return { type: 'Ready', status: 'True', reason: 'RouteServing', message: `${guests} requests.` };
}

/** Who has a host in another project is nobody's business here. */
function takenMessage({ taken, granted }: RouteView, namespace: string | undefined): string {
  const words = taken.map(({ host, by }) => {
    const owner = by.metadata.namespace === namespace ? `the Service ${by.spec.service}` : 'another project';
    return `The host name ${host} belongs to ${owner}, which had it first.`;
  });
  const rest = granted.length === 0 ? '' : ` Served: ${granted.map(({ host }) => host).join(', ')}.`;
  return `${words.join(' ')}${rest}`;
}
