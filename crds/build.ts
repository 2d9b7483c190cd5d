import { z } from 'zod';
import { CommonStatus, defineKind, type ResourceOf } from './define-kind.ts';
import { DnsLabel } from './names.ts';
import { Reason } from './reasons.ts';
import { Duration } from './duration.ts';
import { Artifact, BuildSettings, Progress, Source } from './workload.ts';

/** One build of one source; ends as Succeeded, Failed or Cancelled and stays as a record. */
export const Build = defineKind('Build', {
  plural: 'builds',
  scope: 'Namespaced',
  description: 'One build: from a source to an archive that Proxmox can make guests from.',
  immutableExcept: ['cancelled'],
  finalizer: true,
  columns: [
    { name: 'Service', type: 'string', jsonPath: '.spec.service' },
    { name: 'Commit', type: 'string', jsonPath: '.status.commit' },
    { name: 'Phase', type: 'string', jsonPath: '.status.phase' },
    { name: 'Progress', type: 'integer', jsonPath: '.status.progress' },
    { name: 'Ready', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].status' },
    { name: 'Status', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].message' },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  ],
  spec: z.strictObject({
    service: DnsLabel.optional(),
    source: Source,
    settings: BuildSettings.prefault({}),
    /** Name of a Builder; without one any that is ready. */
    builder: DnsLabel.optional(),
    /** The region whose template storages get the archive. */
    region: DnsLabel.default('default'),
    deadline: Duration.default('30m'),
    cancelled: z.boolean().default(false),
  }),
  status: CommonStatus.extend({
    phase: z
      .enum([
        'Pending',
        'Fetching',
        'Detecting',
        'Building',
        'Exporting',
        'Publishing',
        'Succeeded',
        'Failed',
        'Cancelled',
      ])
      .optional(),
    machine: Progress.optional(),
    /** Per cent. */
    progress: z.int().min(0).max(100).default(0),
    builder: z.string().optional(),
    commit: z.string().optional(),
    commitMessage: z.string().optional(),
    /** How it is built, decided in Detecting. */
    strategy: z.enum(['dockerfile', 'image', 'railpack', 'nixpacks']).optional(),
    /** What the builder calls the image. */
    imageId: z.string().optional(),
    artifact: Artifact.optional(),
    placements: z
      .array(z.object({ cluster: z.string(), node: z.string(), storage: z.string(), volid: z.string() }))
      .default([]),
    published: z.boolean().default(false),
    failure: z.string().optional(),
    failureReason: Reason.optional(),
    startedAt: z.string().optional(),
    completedAt: z.string().optional(),
  }),
});
export type Build = ResourceOf<typeof Build>;
