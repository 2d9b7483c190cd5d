import type { DatabaseAnswer, DatabaseTarget } from './client.ts';
import { LoginRefused } from './login-refused.ts';
import { scramLogin, type ScramLogin } from './scram.ts';
import { WireError, type Wire } from './wire.ts';

const PROTOCOL_3 = 196_608;
const QUERY = `SELECT current_setting('server_version'), (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'), pg_database_size(current_database())`;

/** Logs in by SCRAM and asks one query over PostgreSQL's protocol, version 3. */
export async function askPostgresql(wire: Wire, target: DatabaseTarget): Promise<DatabaseAnswer> {
  wire.write(startup(target));
  await logIn(wire, target);
  wire.write(message('Q', Buffer.from(`${QUERY}\0`)));
  const [version = '', connections = '', bytes = ''] = await firstRow(wire);
  wire.write(message('X', Buffer.alloc(0)));
  return {
    ok: true,
    // Distributions add words of their own.
    version: version.split(' ')[0] ?? version,
    connections: Number(connections),
    dataBytes: Number(bytes),
  };
}

async function logIn(wire: Wire, { username, password }: DatabaseTarget): Promise<void> {
  let login: ScramLogin | undefined;
  for (;;) {
    const { type, body } = await next(wire);
    if (type === 'Z') return;
    if (type !== 'R') continue;
    const method = body.readInt32BE(0);
    const rest = body.subarray(4);
    switch (method) {
      case 0:
        break;
      case 10: {
        if (!rest.toString('latin1').split('\0').includes('SCRAM-SHA-256')) throw unknownLogin(method);
        login = scramLogin(username, password);
        const first = Buffer.from(login.first());
        wire.write(message('p', Buffer.concat([Buffer.from('SCRAM-SHA-256\0'), int32(first.length), first])));
        break;
      }
      case 11:
        if (!login) throw unknownLogin(method);
        wire.write(message('p', Buffer.from(await login.final(rest.toString('utf8')))));
        break;
      case 12:
        if (!login) throw unknownLogin(method);
        login.verify(rest.toString('utf8'));
        break;
      default:
        throw unknownLogin(method);
    }
  }
}

async function firstRow(wire: Wire): Promise<string[]> {
  let row: string[] | undefined;
  for (;;) {
    const { type, body } = await next(wire);
    if (type === 'D') row ??= fields(body);
    if (type !== 'Z') continue;
    if (!row) throw new WireError('its answer to a query has no row');
    return row;
  }
}

function fields(body: Buffer): string[] {
  const list: string[] = [];
  let at = 2;
  for (let left = body.readInt16BE(0); left > 0; left -= 1) {
    const length = body.readInt32BE(at);
    list.push(length < 0 ? '' : body.toString('utf8', at + 4, at + 4 + length));
    at += 4 + Math.max(0, length);
  }
  return list;
}

async function next(wire: Wire): Promise<{ type: string; body: Buffer }> {
  const head = await wire.read(5);
  const body = await wire.read(Math.max(0, head.readInt32BE(1) - 4));
  const type = head.toString('latin1', 0, 1);
  if (type === 'E') throw failure(body);
  return { type, body };
}

/** Classes 28 (login) and 3D (no such database) do not pass by waiting; all others may, such as 57P03, starting up. */
function failure(body: Buffer): Error {
  const parts = body.toString('utf8').split('\0');
  const code = parts.find((part) => part.startsWith('C'))?.slice(1) ?? '';
  const words = parts.find((part) => part.startsWith('M'))?.slice(1) ?? 'it refuses without words';
  return /^(28|3D|42)/.test(code) ? new LoginRefused(words) : new WireError(words);
}

function startup({ username, database }: DatabaseTarget): Buffer {
  const text = Buffer.from(`user\0${username}\0database\0${database}\0application_name\0containr\0\0`);
  return Buffer.concat([int32(text.length + 8), int32(PROTOCOL_3), text]);
}

function message(type: string, body: Buffer): Buffer {
  return Buffer.concat([Buffer.from(type), int32(body.length + 4), body]);
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

function unknownLogin(method: number): WireError {
  return new WireError(`it asks for a login of kind ${method}, which is not the one that it was set up with`);
}
