import type { DatabaseAnswer, DatabaseClient, DatabaseRefusal, DatabaseTarget } from './client.ts';
import { askClickhouse } from './clickhouse.ts';
import { LoginRefused } from './login-refused.ts';
import { askMongodb } from './mongodb.ts';
import { askMysql } from './mysql.ts';
import { askPostgresql } from './postgresql.ts';
import { askRedis } from './redis.ts';
import { openWire, type Wire } from './wire.ts';

const TIMEOUT_MS = 5_000;
const MAX_WORDS = 300;

/** Asks over the network, by the protocol of each engine. */
export function createDatabaseClient({ timeoutMs = TIMEOUT_MS }: { timeoutMs?: number } = {}): DatabaseClient {
  return {
    async ask(target, signal) {
      const timeout = AbortSignal.timeout(timeoutMs);
      try {
        return await converse(target, AbortSignal.any([signal, timeout]));
      } catch (error) {
        signal.throwIfAborted();
        if (timeout.aborted) return refusal(`port ${target.port} does not answer within ${timeoutMs / 1000} s`);
        return refusal(wordsFor(error, target), error instanceof LoginRefused);
      }
    },
  };
}

function converse(target: DatabaseTarget, signal: AbortSignal): Promise<DatabaseAnswer> {
  switch (target.protocol) {
    case 'postgresql':
      return over(target, signal, askPostgresql);
    case 'mysql':
      return over(target, signal, askMysql);
    case 'redis':
      return over(target, signal, askRedis);
    case 'mongodb':
      return over(target, signal, askMongodb);
    case 'clickhouse':
      return askClickhouse(target, signal);
    default:
      return target.protocol satisfies never;
  }
}

async function over(
  target: DatabaseTarget,
  signal: AbortSignal,
  ask: (wire: Wire, target: DatabaseTarget) => Promise<DatabaseAnswer>,
): Promise<DatabaseAnswer> {
  const wire = await openWire(target.host, target.port, signal);
  try {
    return await ask(wire, target);
  } finally {
    wire.close();
  }
}

function refusal(why: string, denied = false): DatabaseRefusal {
  return { ok: false, denied, why };
}

const words: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ECONNRESET: 'the connection was closed without an answer',
  UND_ERR_SOCKET: 'the connection was closed without an answer',
  EPIPE: 'the connection was closed without an answer',
  EHOSTUNREACH: 'the guest cannot be reached',
  ENETUNREACH: 'the guest cannot be reached',
  ETIMEDOUT: 'the guest cannot be reached',
  ERR_OUT_OF_RANGE: 'what answers speaks another protocol',
};

/** What a stranger says may be long, of many lines, and repeat what it was told. */
function wordsFor(error: unknown, { port, password }: DatabaseTarget): string {
  if (!(error instanceof Error)) return `port ${port}: ${String(error)}`;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  const said = (words[code] ?? error.message).replaceAll(/[\u0000-\u001f\u007f]+/g, ' ').slice(0, MAX_WORDS);
  return `port ${port}: ${password === '' ? said : said.replaceAll(password, '***')}`;
}
