import { constants, createHash, publicEncrypt } from 'node:crypto';
import type { DatabaseAnswer, DatabaseTarget } from './client.ts';
import { LoginRefused } from './login-refused.ts';
import { WireError, type Wire } from './wire.ts';

// CLIENT_LONG_PASSWORD, CONNECT_WITH_DB, PROTOCOL_41, SECURE_CONNECTION, PLUGIN_AUTH.
const CAPABILITIES = 0x1 | 0x8 | 0x200 | 0x8000 | 0x80000;
const UTF8MB4 = 45;
const MAX_PACKET = 2 ** 24 - 1;
/** Wrong password, no right to the database, no such database, no login from where we are. */
const REFUSALS: ReadonlySet<number> = new Set([1044, 1045, 1049, 1130, 1698]);

/** Logs in and asks two queries over the protocol that MySQL and MariaDB share. */
export async function askMysql(wire: Wire, target: DatabaseTarget): Promise<DatabaseAnswer> {
  const hello = readHello(await next(wire));
  const answer = proofOf(hello.plugin, target.password, hello.challenge);
  send(wire, 1, login(target, hello.plugin, answer));
  await finishLogin(wire, target.password, hello);
  const [version = ''] = await query(wire, 'SELECT VERSION()');
  const [, connections = '1'] = await query(wire, "SHOW GLOBAL STATUS LIKE 'Threads_connected'");
  const [bytes = ''] = await query(
    wire,
    'SELECT COALESCE(SUM(data_length + index_length), 0) FROM information_schema.tables WHERE table_schema = DATABASE()',
  );
  send(wire, 0, Buffer.from([0x01]));
  return {
    ok: true,
    version: version.split('-')[0] ?? version,
    connections: Number(connections),
    dataBytes: Number(bytes),
  };
}

interface Hello {
  challenge: Buffer;
  plugin: string;
}

function readHello({ body }: Packet): Hello {
  if (body[0] !== 10) throw new WireError('what answers is neither MySQL nor MariaDB');
  let at = body.indexOf(0, 1) + 5;
  const first = body.subarray(at, at + 8);
  // A zero, half of the capabilities, the character set, the status, the other half, a length and ten bytes unused.
  at += 9 + 2 + 1 + 2 + 2;
  const length = Math.max(13, (body[at] ?? 0) - 8);
  at += 11;
  const second = body.subarray(at, at + length - 1);
  const plugin = text(body, at + length);
  return { challenge: Buffer.concat([first, second]), plugin: plugin === '' ? 'mysql_native_password' : plugin };
}

function login({ username, database }: DatabaseTarget, plugin: string, proof: Buffer): Buffer {
  const head = Buffer.alloc(32);
  head.writeUInt32LE(CAPABILITIES, 0);
  head.writeUInt32LE(MAX_PACKET, 4);
  head.writeUInt8(UTF8MB4, 8);
  const names = [Buffer.from(`${username}\0`), Buffer.from([proof.length]), proof];
  return Buffer.concat([head, ...names, Buffer.from(`${database}\0${plugin}\0`)]);
}

/** Follows the server through a change of the method, and through the longer way of caching_sha2_password. */
async function finishLogin(wire: Wire, password: string, hello: Hello): Promise<void> {
  let { challenge } = hello;
  for (;;) {
    const { body, sequence } = await next(wire);
    switch (body[0]) {
      case 0x00:
        return;
      case 0xfe: {
        const plugin = text(body, 1);
        challenge = body.subarray(plugin.length + 2, plugin.length + 22);
        send(wire, sequence + 1, proofOf(plugin, password, challenge));
        break;
      }
      case 0x01:
        if (body[1] === 3) break;
        if (body[1] === 4) {
          send(wire, sequence + 1, Buffer.from([0x02]));
          const key = await next(wire);
          send(wire, key.sequence + 1, encrypted(password, challenge, key.body.subarray(1)));
          break;
        }
        throw new WireError('its login is not as it must be');
      default:
        throw new WireError('its login is not as it must be');
    }
  }
}

function proofOf(plugin: string, password: string, challenge: Buffer): Buffer {
  switch (plugin) {
    case 'mysql_native_password': {
      const once = digest('sha1', Buffer.from(password));
      return xor(once, digest('sha1', challenge, digest('sha1', once)));
    }
    case 'caching_sha2_password': {
      const once = digest('sha256', Buffer.from(password));
      return xor(once, digest('sha256', digest('sha256', once), challenge));
    }
    default:
      throw new WireError(`it asks for a login by ${plugin.replaceAll(/[^\w]/g, '')}, which it was not set up with`);
  }
}

/** The password under the key that the server shows, for it does not have our proof in its cache. */
function encrypted(password: string, challenge: Buffer, key: Buffer): Buffer {
  const plain = Buffer.from(`${password}\0`);
  const padding = constants.RSA_PKCS1_OAEP_PADDING;
  return publicEncrypt({ key: key.toString('latin1'), padding, oaepHash: 'sha1' }, xor(plain, challenge));
}

/** The first row of an answer in text. */
async function query(wire: Wire, sql: string): Promise<string[]> {
  send(wire, 0, Buffer.concat([Buffer.from([0x03]), Buffer.from(sql)]));
  const head = await next(wire);
  const columns = head.body[0] ?? 0;
  for (let left = columns; left > 0; left -= 1) await next(wire);
  await next(wire);
  let row: string[] | undefined;
  for (;;) {
    const { body } = await next(wire);
    if (body[0] === 0xfe && body.length < 9) break;
    row ??= values(body);
  }
  if (!row) throw new WireError('its answer to a query has no row');
  return row;
}

/** Each has its length in front; those of ours are short. */
function values(body: Buffer): string[] {
  const list: string[] = [];
  for (let at = 0; at < body.length;) {
    const length = body[at] ?? 0;
    if (length > 250) {
      if (length !== 251) throw new WireError('its answer to a query is not as it must be');
      list.push('');
      at += 1;
      continue;
    }
    list.push(body.toString('utf8', at + 1, at + 1 + length));
    at += 1 + length;
  }
  return list;
}

interface Packet {
  sequence: number;
  body: Buffer;
}

async function next(wire: Wire): Promise<Packet> {
  const head = await wire.read(4);
  const body = await wire.read(head.readUIntLE(0, 3));
  if (body[0] !== 0xff) return { sequence: head[3] ?? 0, body };
  const code = body.length > 2 ? body.readUInt16LE(1) : 0;
  const words = body.toString('utf8', 3).replace(/^#.{5}/, '');
  throw REFUSALS.has(code) ? new LoginRefused(words) : new WireError(words);
}

function send(wire: Wire, sequence: number, body: Buffer): void {
  const head = Buffer.alloc(4);
  head.writeUIntLE(body.length, 0, 3);
  head.writeUInt8(sequence & 0xff, 3);
  wire.write(Buffer.concat([head, body]));
}

function text(body: Buffer, at: number): string {
  const end = body.indexOf(0, at);
  return body.toString('latin1', at, end < 0 ? body.length : end);
}

function digest(algorithm: string, ...parts: readonly Buffer[]): Buffer {
  return createHash(algorithm).update(Buffer.concat(parts)).digest();
}

/** The second one begins anew where it is shorter. */
function xor(bytes: Buffer, mask: Buffer): Buffer {
  return Buffer.from(bytes.map((byte, index) => byte ^ (mask[index % mask.length] ?? 0)));
}
