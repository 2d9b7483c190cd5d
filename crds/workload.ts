import { z } from 'zod';
import { CommandText, DnsLabel, EnvName, ObjectName, EnvText, GuestPath, PortNumber, RepositoryPath } from './names.ts';
import { ByteQuantity, CpuQuantity } from './quantity.ts';
import { Duration } from './duration.ts';
import { mergedByKey, ownedWhole } from './merge-keys.ts';
import { SecretKeyRef, SecretRef } from './secret.ts';

// What Service, Build, Deployment and Guest say in the same words.

const EnvVarFields = z
  .strictObject({
    name: EnvName,
    value: EnvText.optional(),
    valueFrom: z
      .strictObject({
        secretRef: SecretKeyRef.optional(),
        databaseRef: z
          .strictObject({
            name: DnsLabel,
            key: z.enum(['url', 'host', 'port', 'username', 'password', 'database']),
          })
          .optional(),
        serviceRef: z.strictObject({ name: DnsLabel, key: z.enum(['host', 'port', 'url']) }).optional(),
      })
      .refine((from) => Object.values(from).filter((ref) => ref !== undefined).length === 1, {
        error: 'must have exactly one of secretRef, databaseRef or serviceRef',
      })
      .optional(),
  })
  .refine((variable) => variable.value === undefined || variable.valueFrom === undefined, {
    error: 'must not have both value and valueFrom',
  });
export const EnvVar = ownedWhole(EnvVarFields);
export type EnvVar = z.output<typeof EnvVar>;

/** Names may not repeat: which of the two would win is a guess nobody should make. */
export const EnvList = mergedByKey(
  z
    .array(EnvVar)
    .max(512)
    .superRefine((list, context) => {
      const seen = new Set<string>();
      list.forEach(({ name }, index) => {
        if (seen.has(name)) {
          context.addIssue({ code: 'custom', path: [index, 'name'], message: `"${name}" is set twice` });
        }
        seen.add(name);
      });
    }),
  'name',
);

export const Port = z.strictObject({ name: DnsLabel.max(15).default('http'), port: PortNumber });
export type Port = z.output<typeof Port>;

export const Resources = z.strictObject({
  cpu: CpuQuantity.default('1'),
  memory: ByteQuantity.default('512Mi'),
  storage: ByteQuantity.default('4Gi'),
});
export type Resources = z.output<typeof Resources>;

export const HealthCheck = z
  .strictObject({
    http: z
      .strictObject({
        path: z
          .string()
          .max(1024)
          .regex(/^\/[\u0021-\u007e]*$/, 'must be a path that begins with "/", printable ASCII without spaces')
          .default('/'),
        port: PortNumber,
      })
      .optional(),
    tcp: z.strictObject({ port: PortNumber }).optional(),
    interval: Duration.default('5s'),
    timeout: Duration.default('2s'),
    startPeriod: Duration.default('30s'),
    failureThreshold: z.int().min(1).max(100).default(3),
    /** So long unhealthy, and it is restarted; without it, it only leaves the traffic. */
    restartAfter: Duration.optional(),
  })
  .refine((check) => check.http === undefined || check.tcp === undefined, { error: 'must not have both http and tcp' });
export type HealthCheck = z.output<typeof HealthCheck>;

/** A Git URL or, where the server allows it, a path. The git provider decides which; no option can hide in it. */
export const RepositoryUrl = z
  .string()
  .min(1)
  .max(2048)
  .regex(
    /^[^-\s\u0000-\u001f\u007f-\u009f][^\s\u0000-\u001f\u007f-\u009f]*$/,
    'must be a repository URL without spaces, not beginning with "-"',
  )
  .refine((url) => !/^[a-z0-9+.-]+::/i.test(url), 'must not name a remote helper ("ext::" and the like)')
  .refine((url) => !/^[a-z]+:\/\/[^/]*:[^/]*@/i.test(url), 'must not hold a password; use secretRef');

export const GitRef = z
  .string()
  .min(1)
  .max(255)
  .regex(/^[A-Za-z0-9_][A-Za-z0-9_./+@-]*$/, 'must be a branch or tag name, not beginning with "-"')
  .refine((ref) => !ref.includes('..') && !ref.includes('@{') && !ref.endsWith('.lock'), 'is not a valid Git ref name');

export const CommitId = z.string().regex(/^[0-9a-f]{7,64}$/, 'must be a commit id in hex');

export const ImageReference = z
  .string()
  .min(1)
  .max(512)
  .regex(
    /^[a-z0-9]([a-zA-Z0-9._:/-]*[a-zA-Z0-9])?(@sha256:[0-9a-f]{64})?$/,
    'must be an image reference such as "nginx:1.29" or "ghcr.io/owner/app@sha256:..."',
  );

export const Source = z
  .strictObject({
    type: z.enum(['git', 'dockerfile', 'image']),
    repository: RepositoryUrl.optional(),
    branch: GitRef.optional(),
    commit: CommitId.optional(),
    rootDirectory: RepositoryPath.default('/'),
    dockerfile: RepositoryPath.default('Dockerfile'),
    image: ImageReference.optional(),
    /** Keys `username` and `password`, `token`, or `sshKey`. */
    secretRef: SecretRef.optional(),
  })
  .superRefine((source, context) => {
    if (source.type === 'image' && source.image === undefined) {
      context.addIssue({ code: 'custom', path: ['image'], message: 'is required when type is "image"' });
    }
    if (source.type !== 'image' && source.repository === undefined) {
      context.addIssue({ code: 'custom', path: ['repository'], message: `is required when type is "${source.type}"` });
    }
  });
export type Source = z.output<typeof Source>;

export const BuildSettings = z.strictObject({
  builder: z.enum(['auto', 'dockerfile', 'railpack', 'nixpacks', 'image']).default('auto'),
  buildCommand: CommandText.optional(),
  startCommand: CommandText.optional(),
  environment: z.record(EnvName, EnvText).default({}),
  args: z.record(EnvName, EnvText).default({}),
  /** Mounted while building, never part of a layer, an argument or the history of the image. Needs BuildKit. */
  secrets: mergedByKey(
    z
      .array(z.strictObject({ name: EnvName, secretRef: SecretKeyRef }))
      .max(64)
      .refine((list) => new Set(list.map(({ name }) => name)).size === list.length, 'must not name a secret twice'),
    'name',
  ).optional(),
});
export type BuildSettings = z.output<typeof BuildSettings>;

/** A command before a rollout, such as a migration. */
export const PreDeploy = z.strictObject({ command: CommandText.min(1), timeout: Duration.default('10m') });

/** What process 1 of a guest runs, after image and service have had their say. */
export const GuestProcess = z.strictObject({
  command: z.array(z.string().max(32_768)).min(1).max(512),
  workingDir: z.string().max(1024).default('/'),
  user: z.string().max(256).default(''),
  stopSignal: z.string().max(32).default('SIGTERM'),
  stopTimeout: Duration.default('10s'),
  restart: z.enum(['Always', 'OnFailure', 'Never']).default('Always'),
});
export type GuestProcess = z.output<typeof GuestProcess>;

/** A program of the image that the supervisor runs beside the process when the controller asks for it by name. */
export const GuestCommand = z.strictObject({
  name: DnsLabel,
  argv: z.array(z.string().max(32_768)).min(1).max(512),
  /** As the user of the process unless told otherwise. */
  user: z.string().max(256).optional(),
  /** Its standard output goes into this file, made anew and whole or not at all. */
  outputPath: GuestPath.optional(),
  /** Its standard input comes from this file. */
  inputPath: GuestPath.optional(),
});
export type GuestCommand = z.output<typeof GuestCommand>;

/** An image archive for Proxmox, named by its content. */
export const Artifact = z.object({
  /** `sha256:` of the archive file. */
  digest: z.string(),
  sizeBytes: z.int(),
  /** Digest of the image it was made from, before repacking. */
  imageDigest: z.string(),
  image: z.string(),
  architecture: z.enum(['amd64', 'arm64']),
  /** Decides whether a guest of it is configured in the encrypted form. */
  supervisor: z.int().optional(),
  /** From the image's config, which the repacked archive no longer carries. */
  process: z.object({
    command: z.array(z.string()),
    env: z.array(z.string()),
    workingDir: z.string(),
    user: z.string(),
    stopSignal: z.string(),
  }),
  exposedPorts: z.array(z.string()).default([]),
});
export type Artifact = z.output<typeof Artifact>;

export const VolumeMount = z.strictObject({
  name: DnsLabel.max(40),
  mountPath: GuestPath,
  size: ByteQuantity.default('1Gi'),
  retain: z.boolean().default(true),
});

/** A Volume as a guest sees it. */
export const GuestMount = z.strictObject({
  volume: ObjectName,
  mountPath: GuestPath,
  readOnly: z.boolean().default(false),
});

export const Domain = z.strictObject({
  host: z
    .string()
    .max(253)
    .regex(/^(\*\.)?[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+$/, 'must be a host name'),
  tls: z.enum(['auto', 'internal', 'off']).default('auto'),
});

export const Rollout = z.strictObject({
  strategy: z.enum(['Rolling', 'Recreate']).default('Rolling'),
  maxSurge: z.int().min(1).max(100).default(1),
  progressDeadline: Duration.default('10m'),
  drain: Duration.default('10s'),
  /** While true no new revision is begun, and one in flight stays where it is. */
  paused: z.boolean().default(false),
});
export type Rollout = z.output<typeof Rollout>;

/** Where a machine is, and its small memory. Private: clients read conditions. */
export const Progress = z.object({
  state: z.string(),
  context: z.record(z.string(), z.unknown()),
  generation: z.int(),
});
export type Progress = z.output<typeof Progress>;
