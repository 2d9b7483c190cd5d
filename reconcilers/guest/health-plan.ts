import { durationMs } from '../../crds/duration.ts';
import type { Guest } from '../../crds/guest.ts';
import type { HealthCheckPlan, HealthTarget } from '../providers/guest/health-monitor.ts';

/** How to check a guest: as its spec says, else that its first port answers; undefined when it has neither. Pure. */
export function healthPlan({ healthCheck, ports }: Guest['spec'], host: string): HealthCheckPlan | undefined {
  const target = targetOf(healthCheck, ports[0]?.port, host);
  if (!target) return undefined;
  return {
    target,
    intervalMs: durationMs(healthCheck?.interval ?? '5s'),
    timeoutMs: durationMs(healthCheck?.timeout ?? '2s'),
    startPeriodMs: durationMs(healthCheck?.startPeriod ?? '30s'),
    failureThreshold: healthCheck?.failureThreshold ?? 3,
  };
}

function targetOf(
  check: Guest['spec']['healthCheck'],
  firstPort: number | undefined,
  host: string,
): HealthTarget | undefined {
  if (check?.http) return { type: 'http', host, port: check.http.port, path: check.http.path };
  const port = check?.tcp?.port ?? firstPort;
  return port === undefined ? undefined : { type: 'tcp', host, port };
}
