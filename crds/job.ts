import { z } from 'zod';
import { CommonStatus, defineKind, type ResourceOf } from './define-kind.ts';
import { DnsLabel, ObjectName, SingleLine } from './names.ts';
import { DeploymentTemplate } from './deployment.ts';
import { Duration } from './duration.ts';
import { Artifact } from './workload.ts';

/** One run of something that ends: a scheduled run, or the command before a rollout. */
export const Job = defineKind('Job', {
  plural: 'jobs',
  scope: 'Namespaced',
  description:
    'One run of something that ends, in a guest of its own: a scheduled run, or the command before a rollout.',
  immutableExcept: ['cancelled'],
  finalizer: true,
  columns: [
    { name: 'Service', type: 'string', jsonPath: '.spec.service' },
    { name: 'Reason', type: 'string', jsonPath: '.spec.trigger' },
    { name: 'Phase', type: 'string', jsonPath: '.status.phase' },
    { name: 'Exit', type: 'integer', jsonPath: '.status.exitCode' },
    { name: 'Ready', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].status' },
    { name: 'Status', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].message' },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  ],
  spec: z.strictObject({
    service: DnsLabel,
    /** The revision that it is a run of. */
    deployment: ObjectName,
    artifact: Artifact,
    template: DeploymentTemplate,
    trigger: z.enum(['schedule', 'pre-deploy', 'manual']).default('manual'),
    /** When the schedule wanted it. */
    scheduledAt: SingleLine.max(64).optional(),
    deadline: Duration.default('1h'),
    cancelled: z.boolean().default(false),
  }),
  status: CommonStatus.extend({
    phase: z.enum(['Pending', 'Running', 'Succeeded', 'Failed', 'Cancelled']).optional(),
    guest: z.string().optional(),
    /** Kept after the guest went: its log is found under it. */
    guestUid: z.string().optional(),
    exitCode: z.int().optional(),
    failure: z.string().optional(),
    startedAt: z.string().optional(),
    completedAt: z.string().optional(),
  }),
});
export type Job = ResourceOf<typeof Job>;
