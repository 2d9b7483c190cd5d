import type { DatabaseEngine } from '../../crds/database.ts';
import type { DatabaseProtocol } from '../providers/database/client.ts';

/** What backups and restores go by of an engine's definition. */
export interface DatabaseEngineFacts {
  /** As people write it. */
  title: string;
  /** Versions within which data stay readable, newest first. */
  series: readonly [string, ...string[]];
  protocol: DatabaseProtocol;
  /** The first is the one that clients use. */
  ports: readonly [{ name: string; port: number }, ...{ name: string; port: number }[]];
  /** Where the volume is mounted. */
  dataPath: string;
  /** It has something to do before its disk is copied. */
  backup: { quiesce?: object };
}

export type DatabaseEngines = Readonly<Record<DatabaseEngine, DatabaseEngineFacts>>;
