import type { DatabaseAnswer, DatabaseTarget } from './client.ts';
import { LoginRefused } from './login-refused.ts';
import { WireError, type Wire } from './wire.ts';

/** Logs in, pings and reads INFO, over the protocol that Redis, Dragonfly and others share. */
export async function askRedis(wire: Wire, { username, password }: DatabaseTarget): Promise<DatabaseAnswer> {
  await ask(wire, 'AUTH', username, password);
  // Refused while it still loads its data.
  const pong = await ask(wire, 'PING');
  if (pong !== 'PONG') throw new WireError('it does not answer PING');
  const info = readInfo(await ask(wire, 'INFO'));
  const persisted = info.get('aof_current_size') ?? info.get('used_memory_dataset');
  return {
    ok: true,
    version: info.get('dragonfly_version')?.replace(/^df-v/, '') ?? info.get('redis_version') ?? '',
    connections: Number(info.get('connected_clients') ?? 1),
    dataBytes: persisted === undefined ? undefined : Number(persisted),
  };
}

async function ask(wire: Wire, ...words: string[]): Promise<string> {
  const parts = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`);
  wire.write(Buffer.from(`*${words.length}\r\n${parts.join('')}`));
  const line = await wire.readLine();
  const rest = line.slice(1);
  switch (line[0]) {
    case '+':
      return rest;
    case '$': {
      const bytes = await wire.read(Number(rest) + 2);
      return bytes.toString('utf8', 0, bytes.length - 2);
    }
    case '-':
      throw /^(WRONGPASS|NOAUTH|NOPERM|ERR AUTH|ERR invalid password)/i.test(rest)
        ? new LoginRefused('the login is refused')
        : new WireError(rest);
    default:
      throw new WireError('what answers is not Redis');
  }
}

function readInfo(text: string): Map<string, string> {
  const pairs = text.split('\r\n').flatMap((line) => {
    const [, name = '', value = ''] = /^([a-z_]+):(.*)$/i.exec(line) ?? [];
    return name === '' ? [] : [[name, value] as const];
  });
  return new Map(pairs);
}
