import { createHash } from 'node:crypto';
import { createServer, type Server, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { DatabaseProtocol, DatabaseTarget } from './client.ts';
import { createDatabaseClient } from './database-client.ts';

const servers: Server[] = [];
const never = new AbortController().signal;
const protocols: DatabaseProtocol[] = ['postgresql', 'mysql', 'redis', 'mongodb', 'clickhouse'];

afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function listen(onConnection: (socket: Socket) => void): Promise<number> {
  const server = createServer((socket) => onConnection(socket.on('error', () => undefined)));
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address: AddressInfo | string | null = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

function target(protocol: DatabaseProtocol, port: number): DatabaseTarget {
  return { protocol, host: '127.0.0.1', port, username: 'app', password: 'secret-word', database: 'shop' };
}

describe.each(protocols)('a client of %s', (protocol) => {
  it('says that nothing listens', async () => {
    const port = await listen(() => undefined);
    for (const server of servers.splice(0)) await new Promise((resolve) => server.close(resolve));
    const answer = await createDatabaseClient().ask(target(protocol, port), never);
    expect(answer).toEqual({ ok: false, denied: false, why: `port ${port}: nothing listens there` });
  });

  it('does not wait for ever for one that says nothing', async () => {
    const port = await listen(() => undefined);
    const answer = await createDatabaseClient({ timeoutMs: 50 }).ask(target(protocol, port), never);
    expect(answer).toMatchObject({ ok: false, why: `port ${port} does not answer within 0.05 s` });
  });

  it('takes a stranger for no database, whatever it says, and repeats no password', async () => {
    for (const noise of [
      'HTTP/1.1 400 Bad\r\n\r\n',
      '-ERR secret-word\r\n',
      '\u0000'.repeat(64),
      '\u00ff'.repeat(64),
    ]) {
      const port = await listen((socket) => socket.end(Buffer.from(noise, 'latin1')));
      const answer = await createDatabaseClient({ timeoutMs: 2_000 }).ask(target(protocol, port), never);
      expect(answer.ok).toBe(false);
      expect(JSON.stringify(answer)).not.toContain('secret-word');
    }
  });

  it('ends with the signal', async () => {
    const port = await listen(() => undefined);
    const stop = new AbortController();
    const asked = createDatabaseClient().ask(target(protocol, port), stop.signal);
    stop.abort(new Error('stopping'));
    await expect(asked).rejects.toThrow('stopping');
  });
});

describe('a client of redis', () => {
  async function redisSaying(ping: string): Promise<number> {
    return listen((socket) => {
      socket.on('data', (chunk) => {
        const text = chunk.toString();
        const info = 'redis_version:7.4.1\r\nconnected_clients:3\r\naof_current_size:99\r\n';
        if (text.includes('AUTH')) socket.write(text.includes('secret-word') ? '+OK\r\n' : '-WRONGPASS no\r\n');
        else if (text.includes('PING')) socket.write(ping);
        else socket.write(`$${info.length}\r\n${info}\r\n`);
      });
    });
  }

  it('logs in, pings and reads what the server says of itself', async () => {
    const answer = await createDatabaseClient().ask(target('redis', await redisSaying('+PONG\r\n')), never);
    expect(answer).toEqual({ ok: true, version: '7.4.1', connections: 3, dataBytes: 99 });
  });

  it('takes one that still loads its data for not ready, and tells a refused login', async () => {
    const loading = target('redis', await redisSaying('-LOADING Redis is loading the dataset in memory\r\n'));
    expect(await createDatabaseClient().ask(loading, never)).toMatchObject({ denied: false, why: /LOADING/ });
    const answer = await createDatabaseClient().ask({ ...loading, password: 'wrong' }, never);
    expect(answer).toMatchObject({ ok: false, denied: true });
  });
});

describe('a client of mysql', () => {
  const challenge = Buffer.from('abcdefghijklmnopqrst');

  function packet(sequence: number, body: Buffer): Buffer {
    return Buffer.concat([Buffer.from([body.length & 0xff, body.length >> 8, 0, sequence]), body]);
  }

  const text = (value: string): Buffer => Buffer.concat([Buffer.from([value.length]), Buffer.from(value)]);
  const end = Buffer.from([0xfe, 0, 0, 2, 0]);
  const sha1 = (...parts: Buffer[]): Buffer => createHash('sha1').update(Buffer.concat(parts)).digest();

  /** As the server does it: from the proof and the hash that it has stored back to the hash of the password. */
  function isProven(proof: Buffer, password: string): boolean {
    const stored = sha1(sha1(Buffer.from(password)));
    const mask = sha1(challenge, stored);
    return sha1(Buffer.from(proof.map((byte, index) => byte ^ (mask[index] ?? 0)))).equals(stored);
  }

  async function serve(): Promise<number> {
    return listen((socket) => {
      const head = Buffer.concat([Buffer.from([10]), Buffer.from('11.4.2-MariaDB\0'), Buffer.alloc(4)]);
      const middle = Buffer.from([0, 0xff, 0xff, 45, 2, 0, 0xff, 0xff, 21, ...Buffer.alloc(10)]);
      const tail = Buffer.concat([challenge.subarray(8), Buffer.from([0]), Buffer.from('mysql_native_password\0')]);
      socket.write(packet(0, Buffer.concat([head, challenge.subarray(0, 8), middle, tail])));
      let isIn = false;
      socket.on('data', (chunk) => {
        if (!isIn) {
          const at = chunk.indexOf('app\0') + 4;
          isIn =
            isProven(chunk.subarray(at + 1, at + 21), 'secret-word') && chunk.includes('shop\0mysql_native_password');
          const refused = Buffer.concat([Buffer.from([0xff, 0x15, 0x04]), Buffer.from('#28000Access denied')]);
          socket.write(packet(2, isIn ? Buffer.from([0, 0, 0, 2, 0, 0, 0]) : refused));
          return;
        }
        const sql = chunk.toString();
        if (!sql.includes('S')) return;
        const row = sql.includes('VERSION')
          ? ['11.4.2-MariaDB']
          : sql.includes('STATUS')
            ? ['Threads_connected', '7']
            : ['4096'];
        const columns = row.map(() => text('def'));
        const parts = [Buffer.from([row.length]), ...columns, end, Buffer.concat(row.map(text)), end];
        socket.write(Buffer.concat(parts.map((part, index) => packet(index + 1, part))));
      });
    });
  }

  it('proves its password without showing it and reads rows', async () => {
    const answer = await createDatabaseClient().ask(target('mysql', await serve()), never);
    expect(answer).toEqual({ ok: true, version: '11.4.2', connections: 7, dataBytes: 4096 });
  });

  it('tells a refused login', async () => {
    const asked = { ...target('mysql', await serve()), password: 'wrong' };
    expect(await createDatabaseClient().ask(asked, never)).toMatchObject({
      ok: false,
      denied: true,
      why: /Access denied/,
    });
  });
});
