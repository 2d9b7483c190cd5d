import type { DatabaseEngine } from '../../../crds/database.ts';
import { clickhouse } from './clickhouse.ts';
import { dragonfly } from './dragonfly.ts';
import type { EngineDefinition } from './engine-definition.ts';
import { mariadb } from './mariadb.ts';
import { mongodb } from './mongodb.ts';
import { mysql } from './mysql.ts';
import { postgresql } from './postgresql.ts';
import { redis } from './redis.ts';

/** Every engine by its name. A new one is a file beside these, its name in the Database's kind, and a line here. */
export const engines: Readonly<Record<DatabaseEngine, EngineDefinition>> = {
  postgresql,
  redis,
  mysql,
  mariadb,
  mongodb,
  clickhouse,
  dragonfly,
};
