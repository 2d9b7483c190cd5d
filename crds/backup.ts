import { z } from 'zod';
import { CommonStatus, defineKind, type ResourceOf } from './define-kind.ts';
import { DnsLabel, ObjectName, SingleLine } from './names.ts';
import { Duration } from './duration.ts';
import { Progress } from './workload.ts';

/** One backup of a Database or Volume. Completed means read back; verified means restored and queried. */
export const Backup = defineKind('Backup', {
  plural: 'backups',
  scope: 'Namespaced',
  description: 'One backup of a Database or a Volume. Completed means read back; verified means restored and queried.',
  immutableExcept: ['protected', 'verify'],
  finalizer: true,
  columns: [
    { name: 'Source', type: 'string', jsonPath: '.spec.source.name' },
    { name: 'Phase', type: 'string', jsonPath: '.status.phase' },
    { name: 'Size', type: 'integer', jsonPath: '.status.sizeBytes' },
    { name: 'Taken', type: 'date', jsonPath: '.status.takenAt' },
    { name: 'Verified', type: 'boolean', jsonPath: '.status.verified' },
    { name: 'RTO', type: 'string', jsonPath: '.status.restoreTime' },
    { name: 'Ready', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].status' },
    { name: 'Status', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].message' },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  ],
  spec: z.strictObject({
    source: z.strictObject({ kind: z.enum(['Database', 'Volume']), name: ObjectName }),
    /** snapshot: vzdump of the guest while the engine holds still. dump: what the engine itself writes out. */
    mode: z.enum(['snapshot', 'dump', 'stop']).default('snapshot'),
    /** Never expired by retention. */
    protected: z.boolean().default(false),
    /** Restored into a throwaway guest, queried, timed. */
    verify: z.boolean().default(false),
    trigger: z.enum(['schedule', 'manual']).default('manual'),
    scheduledAt: SingleLine.max(64).optional(),
    deadline: Duration.default('2h'),
  }),
  status: CommonStatus.extend({
    phase: z.enum(['Pending', 'Taking', 'Verifying', 'Completed', 'Failed', 'Expired']).optional(),
    machine: Progress.optional(),
    cluster: z.string().optional(),
    node: z.string().optional(),
    storage: z.string().optional(),
    volid: z.string().optional(),
    sizeBytes: z.int().optional(),
    checksum: z.string().optional(),
    engine: z.string().optional(),
    version: z.string().optional(),
    verified: z.boolean().default(false),
    /** What a restore of it took, measured: "23s". */
    restoreTime: z.string().optional(),
    takenAt: z.string().optional(),
    startedAt: z.string().optional(),
    completedAt: z.string().optional(),
    failure: z.string().optional(),
  }),
});
export type Backup = ResourceOf<typeof Backup>;

/** Brings a backup back: in place, or as a new Database. */
export const Restore = defineKind('Restore', {
  plural: 'restores',
  scope: 'Namespaced',
  description: 'Brings a backup back, in place or as something new. The live data goes only after the new is proven.',
  immutableExcept: [],
  finalizer: true,
  columns: [
    { name: 'Backup', type: 'string', jsonPath: '.spec.backup' },
    { name: 'Target', type: 'string', jsonPath: '.spec.target.name' },
    { name: 'Phase', type: 'string', jsonPath: '.status.phase' },
    { name: 'Took', type: 'string', jsonPath: '.status.restoreTime' },
    { name: 'Ready', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].status' },
    { name: 'Status', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].message' },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  ],
  spec: z.strictObject({
    backup: ObjectName,
    target: z.strictObject({ kind: z.enum(['Database', 'Volume']), name: DnsLabel }),
    deadline: Duration.default('2h'),
  }),
  status: CommonStatus.extend({
    phase: z.enum(['Pending', 'Safeguarding', 'Restoring', 'Starting', 'Verifying', 'Completed', 'Failed']).optional(),
    machine: Progress.optional(),
    restoreTime: z.string().optional(),
    startedAt: z.string().optional(),
    completedAt: z.string().optional(),
    failure: z.string().optional(),
  }),
});
export type Restore = ResourceOf<typeof Restore>;
