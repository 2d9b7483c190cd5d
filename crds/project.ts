import { z } from 'zod';
import { CommonStatus, defineKind, type ResourceOf } from './define-kind.ts';
import { CpuQuantity, ByteQuantity } from './quantity.ts';
import { SingleLine } from './names.ts';

export const Role = z.enum(['owner', 'developer', 'viewer']);
export type Role = z.output<typeof Role>;

const Quota = z.strictObject({
  cpu: CpuQuantity.optional(),
  memory: ByteQuantity.optional(),
  storage: ByteQuantity.optional(),
  guests: z.int().min(0).optional(),
});

/** Owns the namespace of the same name, and all that lies in it. */
export const Project = defineKind('Project', {
  plural: 'projects',
  shortNames: ['proj'],
  scope: 'Cluster',
  description: 'Owns the namespace of the same name: its members, its quota, and everything in it.',
  finalizer: true,
  columns: [
    { name: 'Display', type: 'string', jsonPath: '.spec.displayName' },
    { name: 'Services', type: 'integer', jsonPath: '.status.usage.services' },
    { name: 'Guests', type: 'integer', jsonPath: '.status.usage.guests' },
    { name: 'Ready', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].status' },
    { name: 'Status', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].message' },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  ],
  spec: z.strictObject({
    displayName: SingleLine.max(128).optional(),
    description: z.string().max(4096).optional(),
    members: z
      .array(z.strictObject({ user: SingleLine.min(1).max(254), role: Role }))
      .max(256)
      .default([]),
    quota: Quota.default({}),
    network: z.strictObject({ isolated: z.boolean().default(false) }).default({ isolated: false }),
    suspended: z.boolean().default(false),
    drift: z.enum(['Correct', 'Report']).optional(),
  }),
  status: CommonStatus.extend({
    usage: z
      .object({
        services: z.int(),
        guests: z.int(),
        cpu: z.number(),
        memoryBytes: z.number(),
        storageBytes: z.number(),
      })
      .optional(),
  }),
});
export type Project = ResourceOf<typeof Project>;
