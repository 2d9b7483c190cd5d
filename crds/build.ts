import { z } from 'zod';
import { CommonStatus, defineKind, type ResourceOf } from './define-kind.ts';
import { DnsLabel, SingleLine } from './names.ts';
import { Reason } from './reasons.ts';
import { Duration } from './duration.ts';
import { Artifact, BuildSettings, Progress, Source } from './workload.ts';

const BuiltImage = z.strictObject({
  name: z
    .string()
    .max(255)
    .regex(
      /^[a-z0-9]+(?:[._/:-]+[a-z0-9]+)*$/,
      'must be the name of an image, such as "shop/web": lower-case letters, digits and separators',
    ),
  tag: z
    .string()
    .regex(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/, 'must be a tag of at most 128 letters, digits, "_", "." or "-"'),
  labels: z
    .record(
      z
        .string()
        .max(128)
        .regex(
          /^[A-Za-z0-9]([A-Za-z0-9._/-]*[A-Za-z0-9])?$/,
          'must be the name of a label, such as "org.example.team": letters, digits, ".", "_", "-" and "/"',
        ),
      SingleLine.max(1024),
    )
    .default({}),
  registry: SingleLine.max(255).optional(),
});

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
    /** What whoever asked for it wants the image to be called; the archive is found by its digest all the same. */
    image: BuiltImage.optional(),
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
    /** The program that planned the build, with its version. */
    tool: z.string().optional(),
    /** Source image: the reference with the digest that it stood for. */
    pinnedImage: z.string().optional(),
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
