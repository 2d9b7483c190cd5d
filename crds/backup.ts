import { z } from 'zod';
import { CopyTo } from './backup-copy.ts';
import { CommonStatus, defineKind, type ResourceOf } from './define-kind.ts';
import { DnsLabel, ObjectName, SingleLine } from './names.ts';
import { Duration } from './duration.ts';
import { Reason } from './reasons.ts';
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
    /** Once it is good, what it holds is copied there as well, encrypted. */
    copyTo: CopyTo.optional(),
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
    /** What of a new object it takes to bring it back when its source is gone. */
    origin: z
      .object({
        uid: z.string(),
        region: z.string(),
        plan: z.string().optional(),
        /** Size of the volume, and where it is mounted in the guest that was backed up. */
        size: z.string(),
        mountPath: z.string(),
      })
      .optional(),
    /** The Guest that is backed up. */
    guest: z.string().optional(),
    guestUid: z.string().optional(),
    vmid: z.int().optional(),
    /** Secret, owned by the Backup, with the login that the data know. */
    credentialsSecretRef: z.object({ name: z.string() }).optional(),
    /** What the engine wrote out beside the data. */
    dump: z.object({ sizeBytes: z.int(), checksum: z.string() }).optional(),
    /** Volume and Guest that it is read back with; gone once it is done. */
    trial: z.object({ volume: z.string(), guest: z.string() }).optional(),
    task: z.object({ upid: z.string(), type: z.string(), startedAt: z.string() }).optional(),
    /** What taking it took: "12s". */
    duration: z.string().optional(),
    verified: z.boolean().default(false),
    /** What a restore of it took, measured: "23s". */
    restoreTime: z.string().optional(),
    takenAt: z.string().optional(),
    startedAt: z.string().optional(),
    completedAt: z.string().optional(),
    /** The engine holds its data ready to be copied. */
    preparedAt: z.string().optional(),
    /** When Proxmox was last asked: from then on an archive with our notes may be there. */
    askedAt: z.string().optional(),
    /** When reading it back began. */
    trialStartedAt: z.string().optional(),
    /** Since when its archive is not on the storage any more. */
    missingSince: z.string().optional(),
    /** The copy that is whole: its address without a login, its size, and the digest of the tar archive that is encrypted in it. */
    copy: z.object({ url: z.string(), sizeBytes: z.int(), checksum: z.string(), completedAt: z.string() }).optional(),
    /** Saved before anything may be in the bucket; `over` once nothing more is tried. */
    copying: z
      .object({
        startedAt: z.string(),
        over: z.boolean().default(false),
        failure: z.string().optional(),
        failureReason: Reason.optional(),
      })
      .optional(),
    failure: z.string().optional(),
    failureReason: Reason.optional(),
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
    phase: z
      .enum([
        'Pending',
        'Safeguarding',
        'Restoring',
        'Starting',
        'Verifying',
        'Switching',
        'PuttingBack',
        'Completed',
        'Failed',
      ])
      .optional(),
    /** The target was there: its data are replaced. Otherwise it is made anew. */
    inPlace: z.boolean().optional(),
    /** When what the target has was made safe, when what was restored was read, and when it answered a query. */
    safeguardedAt: z.string().optional(),
    readAt: z.string().optional(),
    answeredAt: z.string().optional(),
    /** The Volume with the restored data, and the one that the target had before, which is kept. */
    volume: z.string().optional(),
    previousVolume: z.string().optional(),
    /** The throwaway Guest in which the new data are proven. */
    guest: z.string().optional(),
    /** The Volume that the target is to have: the new one once proven, the one before when it is put back. */
    switchTo: z.string().optional(),
    machine: Progress.optional(),
    restoreTime: z.string().optional(),
    startedAt: z.string().optional(),
    completedAt: z.string().optional(),
    failure: z.string().optional(),
    failureReason: Reason.optional(),
  }),
});
export type Restore = ResourceOf<typeof Restore>;
