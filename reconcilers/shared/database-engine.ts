import type { DatabaseEngine } from '../../crds/database.ts';
import { GROUP } from '../../crds/meta.ts';
import type { Volume } from '../../crds/volume.ts';
import type { DatabaseProtocol } from '../providers/database/client.ts';

/** On the volume of a database: of which series the data are. */
export const SERIES_LABEL = `${GROUP}/engine-series`;

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

/** What a server says of itself, where that is of the series that its data were made as; otherwise that series. Pure. */
export function versionOf(said: string | undefined, { metadata }: Volume): string | undefined {
  const series = metadata.labels?.[SERIES_LABEL];
  const fits = series === undefined || said === series || said?.startsWith(`${series}.`);
  return fits === true ? said : series;
}
