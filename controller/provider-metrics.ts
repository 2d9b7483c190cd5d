import { Counter, Histogram, type Registry } from 'prom-client';

/** One call to Proxmox, as the provider reports it. */
interface ProviderRequest {
  method: string;
  /** The path without its variable parts. */
  template: string;
  status: number;
  ms: number;
}

/** Counts calls to Proxmox: how many of what kind, how they ended, how long they took. */
export function countProviderRequests(registry: Registry): (request: ProviderRequest) => void {
  const registers = [registry];
  const requests = new Counter({
    name: 'containr_proxmox_requests_total',
    help: 'Calls to Proxmox by method, path and status; 0 for no answer.',
    labelNames: ['method', 'path', 'code'],
    registers,
  });
  const seconds = new Histogram({
    name: 'containr_proxmox_request_seconds',
    help: 'How long Proxmox took to answer.',
    labelNames: ['method'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers,
  });
  return ({ method, template, status, ms }) => {
    requests.inc({ method, path: template, code: String(status) });
    seconds.observe({ method }, ms / 1_000);
  };
}
