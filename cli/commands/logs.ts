import type { ApiClient } from '../client.ts';
import { CliError } from '../exit.ts';
import type { PlacedTarget } from '../kind-names.ts';
import type { Say } from '../text.ts';

export interface LogFlags {
  follow?: boolean;
  tail?: number;
  /** Milliseconds. */
  since?: number;
  timestamps?: boolean;
  prefix?: boolean;
  build?: boolean;
  previous?: boolean;
}

const withLogs = new Set(['Service', 'Deployment', 'Guest', 'Build', 'Job']);

/** Prints what guests or a build printed, as the server has collected it. */
export async function logs(connect: () => ApiClient, target: PlacedTarget, flags: LogFlags, say: Say): Promise<void> {
  const { kind } = target;
  if (!withLogs.has(kind.kind))
    throw new CliError('usage', `A ${kind.kind} has no log. Services, deployments, guests, jobs and builds have.`);
  if (flags.build && kind.kind !== 'Service')
    throw new CliError('usage', `--build is for services: it shows the log of their newest build.`);
  const query = {
    ...(flags.follow && { follow: 'true' }),
    ...(flags.tail !== undefined && { tailLines: String(flags.tail) }),
    ...(flags.since !== undefined && { sinceSeconds: String(Math.ceil(flags.since / 1_000)) }),
    ...(flags.timestamps && { timestamps: 'true' }),
    ...(flags.prefix && { prefix: 'true' }),
    ...(flags.build && { build: 'true' }),
    ...(flags.previous && { previous: 'true' }),
  };
  for await (const line of connect().log(target, query)) say(line);
}
