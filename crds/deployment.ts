import { z } from 'zod';
import { CommonStatus, defineKind, type ResourceOf } from './define-kind.ts';
import { DnsLabel, ObjectName, SingleLine } from './names.ts';
import {
  Artifact,
  BuildSettings,
  EnvList,
  HealthCheck,
  Port,
  PreDeploy,
  Progress,
  Resources,
  Rollout,
  Source,
  VolumeMount,
} from './workload.ts';

/** All of a Service that its guests are made from. A rollback takes this whole, image and configuration together. */
export const DeploymentTemplate = z.strictObject({
  runtime: z.enum(['lxc', 'vm']).default('lxc'),
  region: DnsLabel.default('default'),
  resources: Resources.prefault({}),
  ports: z.array(Port).default([]),
  env: EnvList.default([]),
  healthCheck: HealthCheck.optional(),
  volumes: z.array(VolumeMount).default([]),
  startCommand: BuildSettings.shape.startCommand,
  rollout: Rollout.prefault({}),
  preDeploy: PreDeploy.optional(),
});
export type DeploymentTemplate = z.output<typeof DeploymentTemplate>;

/** One revision of a Service: immutable, rolled out by a state machine, kept as history. */
export const Deployment = defineKind('Deployment', {
  plural: 'deployments',
  shortNames: ['deploy'],
  scope: 'Namespaced',
  description: 'One revision of a Service, immutable: image and configuration together.',
  immutableExcept: [],
  finalizer: true,
  columns: [
    { name: 'Service', type: 'string', jsonPath: '.spec.service' },
    { name: 'Rev', type: 'integer', jsonPath: '.spec.revision' },
    { name: 'Phase', type: 'string', jsonPath: '.status.phase' },
    { name: 'Ready', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].status' },
    { name: 'Commit', type: 'string', jsonPath: '.status.commit' },
    { name: 'Status', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].message' },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
    { name: 'Trigger', type: 'string', jsonPath: '.spec.trigger', priority: 1 },
  ],
  spec: z.strictObject({
    service: DnsLabel,
    revision: z.int().min(1),
    build: ObjectName,
    /** What the Build is made from when there is none of that name yet. Without it, what the Service says. */
    source: Source.optional(),
    template: DeploymentTemplate,
    trigger: SingleLine.max(128).default('spec'),
    rollbackOf: ObjectName.optional(),
  }),
  status: CommonStatus.extend({
    phase: z
      .enum([
        'Pending',
        'AwaitingBuild',
        'Provisioning',
        'Verifying',
        'Promoting',
        'Draining',
        'Active',
        'Failed',
        'Superseded',
        'RolledBack',
      ])
      .optional(),
    machine: Progress.optional(),
    /** True once this revision took over; what the revision before waits for before its guests go. */
    promoted: z.boolean().default(false),
    /** The Job that runs the command before the rollout. */
    preDeployJob: z.string().optional(),
    artifact: Artifact.optional(),
    commit: z.string().optional(),
    guests: z.array(z.string()).default([]),
    /** The newest last. Logs are kept under them, also of guests that went. */
    guestUids: z.array(z.string()).default([]),
    replicas: z.object({ desired: z.int(), ready: z.int(), running: z.int() }).optional(),
    failure: z.string().optional(),
    startedAt: z.string().optional(),
    completedAt: z.string().optional(),
  }),
});
export type Deployment = ResourceOf<typeof Deployment>;
