import type { ApiObject } from '../objects.ts';

/** What the sandbox says of itself once it is ready. */
export interface SandboxReady {
  url: string;
  fingerprint: string;
  tokenId: string;
  tokenSecret: string;
  engine: 'lxc' | 'simulated';
  engineReason: string;
  nodes: string[];
  storage: string;
  bridge: string;
  cidr: string;
  gateway?: string;
  pool: { from: string; to: string };
  docker: { endpoint: string; kind: 'running' | 'daemon' | 'box'; reason: string };
  pid: number;
}

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
        storages: { rootfs: sandbox.storage, templates: sandbox.storage },
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
