import { z } from 'zod';
import { CommonStatus, defineKind, type ResourceOf } from './define-kind.ts';
import { DnsLabel, SingleLine } from './names.ts';
import { Artifact, EnvList, GuestCommand, GuestMount, GuestProcess, HealthCheck, Port, Resources } from './workload.ts';

/** One LXC container (later VM) on Proxmox. */
export const Guest = defineKind('Guest', {
  plural: 'guests',
  scope: 'Namespaced',
  description: 'One guest on Proxmox: an LXC container made from an image archive.',
  finalizer: true,
  columns: [
    { name: 'Kind', type: 'string', jsonPath: '.spec.runtime' },
    { name: 'Node', type: 'string', jsonPath: '.status.node' },
    { name: 'VMID', type: 'integer', jsonPath: '.status.vmid' },
    { name: 'Owner', type: 'string', jsonPath: '.metadata.ownerReferences[0].name' },
    { name: 'Ready', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].status' },
    { name: 'Status', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].message' },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
    { name: 'Address', type: 'string', jsonPath: '.status.addresses[0]', priority: 1 },
    { name: 'Power', type: 'string', jsonPath: '.status.power', priority: 1 },
    { name: 'Restarts', type: 'integer', jsonPath: '.status.restarts', priority: 1 },
  ],
  spec: z.strictObject({
    runtime: z.enum(['lxc', 'vm']).default('lxc'),
    region: DnsLabel.default('default'),
    /** Without one, any ready cluster that has the region. */
    cluster: DnsLabel.optional(),
    /** Only these nodes of the region. */
    nodes: z.array(DnsLabel).max(64).optional(),
    /** Guests with the same word are spread over nodes. */
    spreadKey: SingleLine.max(253).optional(),
    hostname: DnsLabel,
    artifact: Artifact,
    process: GuestProcess,
    resources: Resources.prefault({}),
    env: EnvList.default([]),
    ports: z.array(Port).default([]),
    /** Volumes of the project. It is made and started only once it holds all of them. */
    mounts: z.array(GuestMount).max(32).default([]),
    healthCheck: HealthCheck.optional(),
    /** What the controller may have run in it, by name; never free text. */
    commands: z.array(GuestCommand).max(16).default([]),
    /** The guest runs and holds its volumes, its process is not started. */
    hold: z.boolean().default(false),
    /** For guests that take each other's place. Never two of them run at once. */
    address: z
      .strictObject({
        /** Guests with the same word have the same MAC address. */
        identity: SingleLine.min(1).max(128),
        /** The address that it had before; it gets it again where addressing is static and nobody has it. */
        host: z.ipv4().optional(),
      })
      .optional(),
    power: z.enum(['running', 'stopped']).default('running'),
    restartedAt: SingleLine.max(64).optional(),
  }),
  status: CommonStatus.extend({
    // Chosen and saved before they are acted on.
    cluster: z.string().optional(),
    node: z.string().optional(),
    vmid: z.int().optional(),
    /** "10.40.0.51/24" where addressing is static. */
    reservedAddress: z.string().optional(),
    mac: z.string().optional(),
    /** Uid of the Guest that it was made for, when it was found without an object and taken over. */
    adoptedFrom: z.string().optional(),
    /** The guest that was taken over keeps the key of its configuration, however often it is taken over. */
    keyedFor: z.string().optional(),
    /** The Proxmox task in flight, followed until it ends. */
    task: z.object({ upid: z.string(), type: z.string(), startedAt: z.string() }).optional(),
    /** When the create call was last about to be sent: from then on a guest at the vmid may be ours. */
    createRequestedAt: z.string().optional(),
    /** True once a guest with our identity was seen at the vmid. */
    created: z.boolean().default(false),
    /** Digest of the configuration that the guest was last seen to have. */
    configDigest: z.string().optional(),
    /** Digest of the process configuration that the running guest was started with. */
    startedDigest: z.string().optional(),
    // Observed.
    power: z.enum(['running', 'stopped', 'unknown']).optional(),
    addresses: z.array(z.string()).default([]),
    healthy: z.boolean().optional(),
    restarts: z.int().default(0),
    /** How often in a row it stopped on its own, and when it may be started next. */
    crashes: z.int().default(0),
    startNotBefore: z.string().optional(),
    startedAt: z.string().optional(),
    /** When the guest was first not to be found; a grace time runs from here. */
    missingSince: z.string().optional(),
    /** A process that is not started again has ended; `lastExit` says how. */
    finished: z.boolean().default(false),
    drift: z
      .array(z.object({ field: z.string(), declared: z.string(), found: z.string(), since: z.string() }))
      .default([]),
    driftCorrectedAt: z.string().optional(),
    lastExit: z.object({ code: z.int().optional(), signal: z.int().optional(), at: z.string() }).optional(),
  }),
});
export type Guest = ResourceOf<typeof Guest>;
