import { describe, expect, it } from 'vitest';
import { DatabaseEngine } from '../crds/database.ts';
import { clientFor, readLogin } from './database-client.ts';

const PASSWORD = 'p"a\\ss w#rd';
const login = readLogin(`postgresql://app:${encodeURIComponent(PASSWORD)}@[fd00::7]:5432/shop%2Fone?authSource=admin`);

describe('readLogin', () => {
  it('takes a URL apart, whatever is quoted in it', () => {
    const { url: _, ...parts } = login;
    const expected = { host: 'fd00::7', port: '5432', username: 'app', password: PASSWORD, database: 'shop/one' };
    expect(parts).toEqual(expected);
  });
});

describe('clientFor', () => {
  it.each(DatabaseEngine.options)(
    'keeps the password out of the parameters of %s, and says how to get its client',
    (engine) => {
      const { parameters, env, file, install } = clientFor(engine, login, ['--mine']);
      const words = [...parameters, ...(file ? [file.parameter('/private/options')] : [])].join(' ');
      expect(words).not.toContain(PASSWORD);
      expect(words).not.toContain(encodeURIComponent(PASSWORD));
      expect(parameters.at(-1)).toBe('--mine');
      const kept = [...Object.values(env), file?.content ?? ''].join('\n');
      expect(kept.includes(PASSWORD) || kept.includes(login.url) || kept.includes('"p\\"a\\\\ss w#rd"')).toBe(true);
      expect(install).not.toBe('');
    },
  );

  it('gives MySQL and MariaDB a file, quoted as those read it', () => {
    expect(clientFor('mariadb', login, []).file?.content).toBe(
      '[client]\nhost="fd00::7"\nport="5432"\nprotocol="tcp"\nuser="app"\npassword="p\\"a\\\\ss w#rd"\n',
    );
  });

  it('asks ClickHouse at the port of its own protocol, not at the one of the URL', () => {
    const { parameters } = clientFor('clickhouse', readLogin('http://app:x@10.0.0.7:8123/shop'), []);
    expect(parameters.join(' ')).toContain('--host 10.0.0.7 --port 9000');
  });

  it('leaves MongoDB in its shell unless something is to be run', () => {
    expect(clientFor('mongodb', login, []).parameters).toContain('--shell');
    expect(clientFor('mongodb', login, ['--eval', 'db.stats()']).parameters).not.toContain('--shell');
  });
});
