import { z } from 'zod';
import type { ApiObject } from '../objects.ts';

/** What the sandbox says of itself once it is ready. */
export const SandboxReady = z.object({
  url: z.url(),
  fingerprint: z.string(),
  tokenId: z.string(),
  tokenSecret: z.string(),
  engine: z.enum(['lxc', 'simulated']),
  engineReason: z.string(),
  nodes: z.array(z.string()).min(1),
  storage: z.string(),
  bridge: z.string(),
  cidr: z.string(),
  gateway: z.string().optional(),
  pool: z.object({ from: z.string(), to: z.string() }),
  docker: z.object({ endpoint: z.string(), kind: z.enum(['running', 'daemon', 'box']), reason: z.string() }),
});
export type SandboxReady = z.output<typeof SandboxReady>;

const apiVersion = 'containr.dev/v1alpha1';

/** The sandbox as Containr sees any Proxmox cluster, and the engine that builds images. */
export function devManifests(sandbox: SandboxReady): ApiObject[] {
  return [
    {
      apiVersion,
      kind: 'Secret',
      metadata: { name: 'pve-token', namespace: 'containr-system' },
      spec: { data: { tokenId: sandbox.tokenId, secret: sandbox.tokenSecret } },
    },
    {
      apiVersion,
      kind: 'ProxmoxCluster',
      metadata: { name: 'dev' },
      spec: {
        endpoints: [sandbox.url],
        tokenSecretRef: { name: 'pve-token' },
        tls: { fingerprint: sandbox.fingerprint },
        regions: [{ name: 'default', nodes: sandbox.nodes }],
        storages: { rootfs: sandbox.storage, templates: sandbox.storage, backups: sandbox.storage },
        network: {
          addressing: 'static',
          bridge: sandbox.bridge,
          cidr: sandbox.cidr,
          ...(sandbox.gateway !== undefined && { gateway: sandbox.gateway }),
          pool: sandbox.pool,
        },
        vmidRange: { from: 1_000, to: 9_999 },
        concurrency: { perNode: 4 },
      },
    },
    {
      apiVersion,
      kind: 'Builder',
      metadata: { name: 'default' },
      spec: { endpoint: sandbox.docker.endpoint, concurrency: 2 },
    },
  ];
}
