import { chmodSync, existsSync } from 'node:fs';
import { delimiter } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Database } from '../../crds/database.ts';
import { Secret } from '../../crds/secret.ts';
import type { DatabaseEngine } from '../../crds/database.ts';
import { DataFixture } from './cli-data-fixture.ts';
import type { Ended } from './cli-fixture.ts';

const PASSWORD = 'canary-5c1f';

let data: DataFixture;
beforeEach(async () => {
  data = await DataFixture.create();
});
afterEach(() => data.cli.dispose());

async function database(engine: DatabaseEngine, url: string): Promise<void> {
  const place = { namespace: 'shop', name: 'main-credentials', key: 'url' };
  await data.create(Database, 'main', { engine });
  await data.create(Secret, place.name, { data: { url: data.cli.api.box.seal(place, url) } });
  const status = { phase: 'Running', endpoint: '10.0.0.7:5432', credentialsSecretRef: { name: place.name } };
  await data.report(Database, 'main', status);
}

/** Runs the command where the only client is this script. */
function withClient(name: string, script: string, ...words: string[]): Promise<Ended> {
  chmodSync(data.cli.write(name, `#!/bin/sh\n${script}\n`), 0o700);
  const path = [data.cli.folder, process.env['PATH']].join(delimiter);
  return data.cli.start(words, { env: { PATH: path } }).ended;
}

describe('containr db url', () => {
  beforeEach(() => database('postgresql', `postgresql://app:${PASSWORD}@10.0.0.7:5432/main`));

  it('prints the URL, or one part of it', async () => {
    expect(await data.inShop('db', 'url', 'main')).toMatchObject({
      code: 0,
      stdout: `postgresql://app:${PASSWORD}@10.0.0.7:5432/main\n`,
      stderr: '',
    });
    expect((await data.inShop('db', 'url', 'db/main', '--field', 'host')).stdout).toBe('10.0.0.7\n');
    expect((await data.inShop('db', 'url', 'main', '--field', 'password')).stdout).toBe(`${PASSWORD}\n`);
    expect(await data.inShop('db', 'url', 'main', '--field', 'colour')).toMatchObject({ code: 2 });
  });

  it('is not for those who may only look', async () => {
    for (const as of ['viewer', 'dev-read'] as const) {
      const { code, stdout, stderr } = await data.cli.start(['db', 'url', 'main', '-n', 'shop'], { as }).ended;
      expect({ code, stdout }).toEqual({ code: 5, stdout: '' });
      expect(stderr).toContain('developers and owners');
      expect(stderr).not.toContain(PASSWORD);
    }
  });

  it('says how a database stands that has no address yet', async () => {
    await data.create(Database, 'new', { engine: 'redis' });
    expect(await data.inShop('db', 'url', 'new')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('containr wait database/new -n shop --for=condition=Ready'),
    });
    expect(await data.inShop('db', 'url', 'nothing')).toMatchObject({ code: 3 });
  });
});

describe('containr db shell', () => {
  it('starts the client with what it has to know, and ends as that does', async () => {
    await database('postgresql', `postgresql://app:${PASSWORD}@10.0.0.7:5432/main`);
    const script = 'echo "$PGUSER $PGPASSWORD $PGHOST $PGPORT $PGDATABASE [$CONTAINR_TOKEN]"; echo "$*"; exit 3';
    const words = ['db', 'shell', 'main', '-n', 'shop', '--', '-c', 'select 1'];
    const { code, stdout } = await withClient('psql', script, ...words);
    expect({ code, stdout }).toEqual({ code: 3, stdout: `app ${PASSWORD} 10.0.0.7 5432 main []\n-c select 1\n` });
  });

  it('gives MariaDB a file that only its user may read, and removes it', async () => {
    await database('mariadb', `mysql://app:${PASSWORD}@10.0.0.7:3306/main`);
    const script = 'echo "$*"; file="${1#--defaults-file=}"; stat -c %a "$file"; cat "$file"';
    const { code, stdout } = await withClient('mariadb', script, 'db', 'shell', 'main', '-n', 'shop');
    const [words = '', mode, ...content] = stdout.split('\n');
    expect({ code, mode }).toEqual({ code: 0, mode: '600' });
    expect(words).not.toContain(PASSWORD);
    expect(content).toContain(`password="${PASSWORD}"`);
    const [, file = ''] = /--defaults-file=(\S+)/.exec(words) ?? [];
    expect(file).not.toBe('');
    expect(existsSync(file)).toBe(false);
  });

  it('ends as a shell does when the client is killed', async () => {
    await database('redis', `redis://default:${PASSWORD}@10.0.0.7:6379/0`);
    const ended = await withClient('redis-cli', 'kill -TERM $$', 'db', 'shell', 'main', '-n', 'shop');
    expect(ended.code).toBe(143);
  });

  it('says how to get a client that is not there', async () => {
    await database('mongodb', `mongodb://app:${PASSWORD}@10.0.0.7:27017/main?authSource=admin`);
    const { code, stderr } = await data.inShop('db', 'shell', 'main');
    expect(code).toBe(3);
    expect(stderr).toContain('mongosh is not installed on this machine.');
    expect(stderr).toContain('containr db url main -n shop');
    expect(stderr).not.toContain(PASSWORD);
  });
});
