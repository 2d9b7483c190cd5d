import type { Backup } from '../../crds/backup.ts';
import type { Pass, Resources } from '../../controller/reconciler.ts';
import type { AgeStreams } from '../../controller/secrets/age-streams.ts';
import type { DatabaseClient } from '../providers/database/client.ts';
import type { GuestLinks } from '../providers/guest/guest-links.ts';
import type { OpenBucket } from '../providers/object-storage/object-storage.ts';
import type { ClusterConnection, ClusterPool } from '../providers/proxmox/cluster-pool.ts';
import type { DatabaseEngines } from '../shared/database-engine.ts';
import type { Trouble } from '../shared/trouble.ts';

export interface BackupDeps {
  resources: Resources;
  clusters: ClusterPool;
  /** Has a guest run what its configuration names. */
  links: Pick<GuestLinks, 'run' | 'read'>;
  /** Asks a restored database itself. */
  database: DatabaseClient;
  engines: DatabaseEngines;
  /** Whoever answers keeps the values out of logs and messages. */
  readSecret: (
    namespace: string,
    name: string,
  ) => { ok: true; values: Readonly<Record<string, string>> } | ({ ok: false } & Trouble);
  /** Encrypts a value for its place in a Secret. */
  seal: (place: { namespace: string; name: string; key: string }, value: string) => string;
  /** Reaches the bucket that takes a copy. */
  openBucket: OpenBucket;
  /** What goes there is encrypted. */
  age: AgeStreams;
  installation: string;
}

/** What the steps of a pass go by. */
export interface StepContext extends BackupDeps {
  pass: Pass<Backup>;
  connection: ClusterConnection;
}
