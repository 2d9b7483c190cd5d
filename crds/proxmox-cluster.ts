import { z } from 'zod';
import { CommonStatus, defineKind, type ResourceOf } from './define-kind.ts';
import { DnsLabel, SingleLine } from './names.ts';
import { SecretRef } from './secret.ts';

const NodeName = DnsLabel;
const StorageName = z
  .string()
  .regex(/^[a-z][a-z0-9._-]*[a-z0-9]$/i, 'must be a Proxmox storage name')
  .max(100);
const Bridge = z.string().regex(/^[A-Za-z][A-Za-z0-9_.-]{0,14}$/, 'must be the name of a bridge or vnet');

const ENDPOINT = 'must be an https URL such as https://pve1.lan:8006';
const Endpoint = z
  .string()
  .max(256)
  .regex(/^https:\/\/[^\s\u0000-\u001f\u007f]+$/, ENDPOINT)
  .refine((text) => URL.canParse(text), ENDPOINT);

const Tls = z
  .union(
    [
      z.strictObject({
        fingerprint: z
          .string()
          .regex(
            /^([0-9A-Fa-f]{2}:){31}[0-9A-Fa-f]{2}$/,
            'must be a SHA-256 fingerprint: 32 pairs of hex digits with ":"',
          ),
      }),
      z.strictObject({ ca: z.string().min(1).max(65_536) }),
      z.strictObject({ insecureSkipVerify: z.literal(true) }),
    ],
    'must have one of fingerprint, ca or insecureSkipVerify: true',
  )
  .optional();

const Network = z.discriminatedUnion(
  'addressing',
  [
    z.strictObject({
      addressing: z.literal('static'),
      bridge: Bridge,
      vlan: z.int().min(1).max(4094).optional(),
      cidr: z.cidrv4(),
      gateway: z.ipv4().optional(),
      pool: z.strictObject({ from: z.ipv4(), to: z.ipv4() }),
      nameservers: z.array(z.ipv4()).max(3).default([]),
      searchDomain: SingleLine.max(253).optional(),
    }),
    z.strictObject({
      addressing: z.literal('dhcp'),
      bridge: Bridge,
      vlan: z.int().min(1).max(4094).optional(),
      nameservers: z.array(z.ipv4()).max(3).default([]),
      searchDomain: SingleLine.max(253).optional(),
    }),
  ],
  { error: 'must have addressing: static (with cidr and pool) or addressing: dhcp' },
);

/** A Proxmox VE cluster, or a single node, that guests may run on. */
export const ProxmoxCluster = defineKind('ProxmoxCluster', {
  plural: 'proxmoxclusters',
  shortNames: ['pve'],
  scope: 'Cluster',
  description: 'A Proxmox VE cluster or single node: how to reach it and where in it guests may run.',
  finalizer: true,
  columns: [
    { name: 'Version', type: 'string', jsonPath: '.status.version' },
    { name: 'Nodes', type: 'integer', jsonPath: '.status.nodesOnline' },
    { name: 'Guests', type: 'integer', jsonPath: '.status.guests' },
    { name: 'Ready', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].status' },
    { name: 'Status', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].message' },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  ],
  spec: z.strictObject({
    /** Tried in turn. */
    endpoints: z.array(Endpoint).min(1).max(32),
    /** A Secret in the namespace containr-system with the keys `tokenId` (user@realm!name) and `secret`. */
    tokenSecretRef: SecretRef,
    tls: Tls,
    regions: z
      .array(z.strictObject({ name: DnsLabel, nodes: z.array(NodeName).min(1).max(64) }))
      .min(1)
      .max(64),
    storages: z.strictObject({ rootfs: StorageName, templates: StorageName, backups: StorageName.optional() }),
    network: Network,
    vmidRange: z
      .strictObject({ from: z.int().min(100).max(999_999_999), to: z.int().min(100).max(999_999_999) })
      .refine(({ from, to }) => from <= to, { path: ['to'], error: 'must not be below "from"' }),
    concurrency: z.strictObject({ perNode: z.int().min(1).max(16).default(2) }).default({ perNode: 2 }),
    /** Nodes that get no new guests. */
    cordonedNodes: z.array(NodeName).max(64).default([]),
  }),
  status: CommonStatus.extend({
    version: z.string().optional(),
    quorate: z.boolean().optional(),
    nodes: z
      .array(
        z.object({
          name: z.string(),
          online: z.boolean(),
          cpu: z.number(),
          memoryBytes: z.number(),
          memoryUsedBytes: z.number(),
          /** Those that guests use, as the node sees them. */
          storages: z.array(z.object({ name: z.string(), totalBytes: z.number(), freeBytes: z.number() })).default([]),
        }),
      )
      .default([]),
    nodesOnline: z.int().optional(),
    guests: z.int().optional(),
    /** Guests that carry the marks of this installation and belong to no object: the first hundred, and how many there are. */
    orphans: z
      .array(
        z.object({
          vmid: z.int(),
          node: z.string(),
          name: z.string(),
          running: z.boolean(),
          since: z.string(),
          why: z.string(),
          /** What it says that it was made for. */
          kind: z.string().optional(),
          project: z.string().optional(),
          object: z.string().optional(),
          owner: z.string().optional(),
          retained: z.boolean().optional(),
          volumes: z
            .array(z.object({ key: z.string(), name: z.string().optional(), size: z.string().optional() }))
            .default([]),
        }),
      )
      .default([]),
    orphanCount: z.int().optional(),
  }),
});
export type ProxmoxCluster = ResourceOf<typeof ProxmoxCluster>;
