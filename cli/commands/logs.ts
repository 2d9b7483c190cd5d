import type { ApiClient } from '../client.ts';
import { CliError } from '../exit.ts';
import type { Target } from '../kind-names.ts';

export interface LogFlags {
  namespace?: string | undefined;
  follow?: boolean | undefined;
  tail?: string | undefined;
  since?: number | undefined;
  timestamps?: boolean | undefined;
  build?: boolean | undefined;
  previous?: boolean | undefined;
}

const withLogs = new Set(['Service', 'Deployment', 'Guest', 'Build']);

/** Prints what guests or a build printed, as the server has collected it. */
export async function logs(
  client: ApiClient,
  { kind, name }: Target,
  flags: LogFlags,
  say: (line: string) => void,
): Promise<void> {
  if (!withLogs.has(kind.kind))
    throw new CliError('usage', `A ${kind.kind} has no log. Services, deployments, guests and builds have.`);
  const { namespace } = flags;
  if (namespace === undefined)
    throw new CliError('usage', `${kind.plural} live in projects. Name one with -n PROJECT.`);
  const query = {
    ...(flags.follow && { follow: 'true' }),
    ...(flags.tail !== undefined && { tailLines: flags.tail }),
    ...(flags.since !== undefined && { sinceSeconds: String(Math.ceil(flags.since / 1_000)) }),
    ...(flags.timestamps && { timestamps: 'true' }),
    ...(flags.build && { build: 'true' }),
    ...(flags.previous && { previous: 'true' }),
  };
  const abort = new AbortController();
  for await (const line of client.lines(`${client.path(kind, namespace, name)}/log`, query, abort.signal)) say(line);
}
