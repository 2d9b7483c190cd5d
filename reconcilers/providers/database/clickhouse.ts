import { request } from 'undici';
import { z } from 'zod';
import type { DatabaseAnswer, DatabaseTarget } from './client.ts';
import { LoginRefused } from './login-refused.ts';
import { WireError } from './wire.ts';

const Answer = z.tuple([z.string(), z.coerce.number(), z.coerce.number()]);
const QUERY =
  "SELECT version(), (SELECT sum(value) FROM system.metrics WHERE metric IN ('TCPConnection', 'HTTPConnection')), " +
  '(SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND database = currentDatabase()) FORMAT TabSeparated';
/** Wrong password (old and new), no such login, no such database, no right. */
const REFUSALS: ReadonlySet<string> = new Set(['516', '193', '192', '81', '497']);

/** Asks one query over HTTP with the login in headers, where no log of requests has them. */
export async function askClickhouse(target: DatabaseTarget, signal: AbortSignal): Promise<DatabaseAnswer> {
  const host = target.host.includes(':') ? `[${target.host}]` : target.host;
  const { statusCode, headers, body } = await request(
    `http://${host}:${target.port}/?database=${encodeURIComponent(target.database)}`,
    {
      method: 'POST',
      headers: {
        'x-clickhouse-user': target.username,
        'x-clickhouse-key': target.password,
      },
      body: QUERY,
      signal,
    },
  );
  const text = await body.text();
  if (statusCode !== 200) {
    const code = String(headers['x-clickhouse-exception-code'] ?? '');
    const isRefused = REFUSALS.has(code) || statusCode === 401 || statusCode === 403;
    throw isRefused ? new LoginRefused('the login is refused') : new WireError(`it answers ${statusCode}`);
  }
  const [version, connections, dataBytes] = readAnswer(text);
  return { ok: true, version, connections, dataBytes };
}

function readAnswer(text: string): z.output<typeof Answer> {
  const read = Answer.safeParse(text.trimEnd().split('\t'));
  if (!read.success) throw new WireError('its answer to a query is not as it must be', { cause: read.error });
  return read.data;
}
