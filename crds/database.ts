import { z } from 'zod';
import { CopyTo } from './backup-copy.ts';
import { CommonStatus, defineKind, type ResourceOf } from './define-kind.ts';
import { DnsLabel, ObjectName, SingleLine } from './names.ts';
import { Duration } from './duration.ts';

export const DatabaseEngine = z.enum(['postgresql', 'redis', 'mysql', 'mariadb', 'mongodb', 'clickhouse', 'dragonfly']);
export type DatabaseEngine = z.output<typeof DatabaseEngine>;

export const DatabasePlan = z.enum(['hobby', 'starter', 'standard', 'business']);
export type DatabasePlan = z.output<typeof DatabasePlan>;

/** A database that Containr runs: a guest with a volume, credentials, backups. */
export const Database = defineKind('Database', {
  plural: 'databases',
  shortNames: ['db'],
  scope: 'Namespaced',
  description: 'A database that Containr runs: a guest with a volume, credentials and backups.',
  finalizer: true,
  columns: [
    { name: 'Engine', type: 'string', jsonPath: '.spec.engine' },
    { name: 'Version', type: 'string', jsonPath: '.status.version' },
    { name: 'Plan', type: 'string', jsonPath: '.spec.plan' },
    { name: 'Ready', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].status' },
    { name: 'Last-Backup', type: 'date', jsonPath: '.status.lastBackup.at' },
    { name: 'Verified', type: 'boolean', jsonPath: '.status.lastBackup.verified' },
    { name: 'Status', type: 'string', jsonPath: '.status.phase' },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
    { name: 'Endpoint', type: 'string', jsonPath: '.status.endpoint', priority: 1 },
    { name: 'Message', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].message', priority: 1 },
  ],
  spec: z.strictObject({
    displayName: SingleLine.max(128).optional(),
    engine: DatabaseEngine,
    /** Major version; without one, the newest that the engine's definition names. */
    version: SingleLine.max(32)
      .regex(/^[0-9][0-9A-Za-z.-]*$/, 'must be a version such as "17"')
      .optional(),
    plan: DatabasePlan.default('starter'),
    region: DnsLabel.default('default'),
    power: z.enum(['running', 'stopped']).default('running'),
    settings: z
      .strictObject({
        maxConnections: z.int().min(1).max(100_000).optional(),
        timeout: Duration.optional(),
        ssl: z.boolean().default(false),
        logging: z.boolean().default(false),
      })
      .prefault({}),
    backup: z
      .strictObject({
        enabled: z.boolean().default(false),
        schedule: SingleLine.max(256).default('0 3 * * *'),
        timeZone: SingleLine.max(64).default('UTC'),
        /** Backups that are kept. */
        retention: z.int().min(1).max(1000).default(7),
        maxAge: Duration.optional(),
        verify: z.boolean().default(false),
        /** Passed on to the backups of the schedule. */
        copyTo: CopyTo.optional(),
      })
      .prefault({}),
    /** What it holds at first: the data and the login of a backup of the same engine. */
    source: z.strictObject({ backup: ObjectName }).optional(),
    /** The volume is kept when the Database is deleted. */
    retain: z.boolean().default(true),
    /** A delete is refused while this is true. */
    deletionProtection: z.boolean().default(false),
    /** Any new value restarts it. */
    restartedAt: SingleLine.max(64).optional(),
  }),
  status: CommonStatus.extend({
    phase: z.enum(['Pending', 'Provisioning', 'Running', 'Stopping', 'Stopped', 'Restoring', 'Failed']).optional(),
    version: z.string().optional(),
    /** host:port. */
    endpoint: z.string().optional(),
    /** Secret of the project with url, host, port, username, password and database. */
    credentialsSecretRef: z.object({ name: z.string() }).optional(),
    guest: z.string().optional(),
    volume: z.string().optional(),
    metrics: z
      .object({
        at: z.string(),
        /** Per cent of what the plan gives. */
        cpu: z.number(),
        memory: z.number(),
        /** What is not measured is left out, never nought. */
        storage: z.number().optional(),
        connections: z.int(),
        readIops: z.int().optional(),
        writeIops: z.int().optional(),
        /** Bytes per second. */
        networkIn: z.number().optional(),
        networkOut: z.number().optional(),
      })
      .optional(),
    lastBackup: z.object({ name: z.string(), at: z.string(), verified: z.boolean() }).optional(),
    nextBackupAt: z.string().optional(),
    /** Schedule and time zone, and up to when its times are dealt with. Another schedule has no past. */
    backupSchedule: z.object({ text: z.string(), until: z.string() }).optional(),
  }),
});
export type Database = ResourceOf<typeof Database>;
