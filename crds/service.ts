import { z } from 'zod';
import { CommonStatus, defineKind, type ResourceOf } from './define-kind.ts';
import { mergedByKey } from './merge-keys.ts';
import { DnsLabel, SingleLine } from './names.ts';
import { CronSchedule, TimeZone } from './schedule.ts';
import { SecretKeyRef } from './secret.ts';
import {
  BuildSettings,
  Domain,
  EnvList,
  HealthCheck,
  Port,
  PreDeploy,
  Resources,
  Rollout,
  Source,
  VolumeMount,
} from './workload.ts';

const uniqueNames = (list: readonly { name: string }[]): boolean =>
  new Set(list.map(({ name }) => name)).size === list.length;

const uniqueHosts = (list: readonly { host: string }[]): boolean =>
  new Set(list.map(({ host }) => host)).size === list.length;

/** One volume has one guest at a time, so that nothing may need two. */
function volumeProblems({ replicas, volumes, type, concurrencyPolicy }: VolumeUse, context: z.RefinementCtx): void {
  const refuse = (field: string, message: string): void => context.addIssue({ code: 'custom', path: [field], message });
  if (replicas > 1) refuse('replicas', 'must be 0 or 1 when the service has volumes: a volume has one guest at a time');
  if (type === 'cron' && concurrencyPolicy === 'Allow')
    refuse(
      'concurrencyPolicy',
      'must be Forbid or Replace when the service has volumes: a volume has one guest at a time',
    );
  if (new Set(volumes.map(({ mountPath }) => mountPath)).size < volumes.length)
    refuse('volumes', 'must not mount two volumes at the same path');
}

interface VolumeUse {
  replicas: number;
  volumes: readonly { mountPath: string }[];
  type: string;
  concurrencyPolicy: string;
}

/** What people run: a web server, a worker, a schedule, a database of their own making. */
export const Service = defineKind('Service', {
  plural: 'services',
  shortNames: ['svc'],
  scope: 'Namespaced',
  description: 'Something people run: built from a repository or an image, kept running as guests.',
  finalizer: true,
  columns: [
    { name: 'Ready', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].status' },
    { name: 'Replicas', type: 'string', jsonPath: '.status.replicas.summary' },
    { name: 'Rev', type: 'integer', jsonPath: '.status.revision' },
    { name: 'Status', type: 'string', jsonPath: '.status.phase' },
    { name: 'URL', type: 'string', jsonPath: '.status.url' },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
    { name: 'Nodes', type: 'string', jsonPath: '.status.nodes[*]', priority: 1 },
    { name: 'VMIDs', type: 'string', jsonPath: '.status.vmids[*]', priority: 1 },
    { name: 'Commit', type: 'string', jsonPath: '.status.commit', priority: 1 },
    { name: 'Message', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].message', priority: 1 },
  ],
  spec: z
    .strictObject({
      displayName: SingleLine.max(128).optional(),
      type: z.enum(['web', 'worker', 'cron', 'database']).default('web'),
      source: Source,
      build: BuildSettings.prefault({}),
      runtime: z.enum(['lxc', 'vm']).default('lxc'),
      /** A region of a ProxmoxCluster. */
      region: DnsLabel.default('default'),
      replicas: z.int().min(0).max(1000).default(1),
      resources: Resources.prefault({}),
      ports: mergedByKey(z.array(Port).max(32), 'name').default([]),
      env: EnvList.default([]),
      healthCheck: HealthCheck.optional(),
      volumes: mergedByKey(
        z.array(VolumeMount).max(32).refine(uniqueNames, 'must not name a volume twice'),
        'name',
      ).default([]),
      domains: mergedByKey(z.array(Domain).max(64).refine(uniqueHosts, 'must not name a host twice'), 'host').default(
        [],
      ),
      rollout: Rollout.prefault({}),
      schedule: CronSchedule.optional(),
      /** Without one, UTC. */
      timeZone: TimeZone.optional(),
      concurrencyPolicy: z.enum(['Allow', 'Forbid', 'Replace']).default('Forbid'),
      historyLimit: z.int().min(0).max(100).default(5),
      /** Runs once with the new image and configuration; a rollout goes on only when it ends with 0. */
      preDeploy: PreDeploy.optional(),
      suspended: z.boolean().default(false),
      /** Without it, what the Project says. */
      drift: z.enum(['Correct', 'Report']).optional(),
      /** Any new value rolls the service; a branch is resolved anew. */
      restartedAt: SingleLine.max(64).optional(),
      /** What a webhook must prove to know. Without it there is no webhook. */
      webhookSecretRef: SecretKeyRef.optional(),
    })
    .superRefine((spec, context) => {
      if (spec.type === 'cron' && spec.schedule === undefined) {
        context.addIssue({ code: 'custom', path: ['schedule'], message: 'is required when type is "cron"' });
      }
      if (!uniqueNames(spec.ports)) {
        context.addIssue({ code: 'custom', path: ['ports'], message: 'must not name a port twice' });
      }
      if (spec.volumes.length > 0) volumeProblems(spec, context);
    }),
  status: CommonStatus.extend({
    phase: z.enum(['Pending', 'Running', 'Stopped', 'Building', 'Deploying', 'Failed', 'Suspended']).optional(),
    url: z.string().optional(),
    /** The revision that serves. */
    revision: z.int().optional(),
    /** The newest revision that was recorded, saved before its Deployment is made. */
    latestRevision: z.int().default(0),
    /** Digest of what the newest revision was made from. */
    templateHash: z.string().optional(),
    /** Digest of what its image was built from. */
    buildHash: z.string().optional(),
    /** The newest commit of the branch that a revision was made from. Only another one makes another revision. */
    followedCommit: z.string().optional(),
    latestBuild: z.string().optional(),
    latestDeployment: z.string().optional(),
    activeDeployment: z.string().optional(),
    /** Type cron: the last time that the schedule was carried out or given up, and the next. */
    lastScheduledAt: z.string().optional(),
    nextScheduleAt: z.string().optional(),
    /** The schedule and time zone that these times are of: another one begins anew, without catching up. */
    schedule: z.string().optional(),
    /** What the references in the environment of the newest revision came to. */
    references: z
      .object({
        /** Of secrets, credentials and addresses that a proxy keeps. */
        digest: z.string(),
        /** The address taken for each service without a proxy, kept for as long as it is one of its guests'. */
        endpoints: z.record(z.string(), z.string()).default({}),
        /** When a change was last carried out, and how many in a row without a rest between them. */
        followedAt: z.string().optional(),
        inARow: z.int().default(0),
      })
      .optional(),
    commit: z.string().optional(),
    replicas: z.object({ desired: z.int(), ready: z.int(), updated: z.int(), summary: z.string() }).optional(),
    nodes: z.array(z.string()).default([]),
    vmids: z.array(z.int()).default([]),
  }),
});
export type Service = ResourceOf<typeof Service>;
export type ServiceSpec = Service['spec'];
