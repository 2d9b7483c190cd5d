import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { assert, property, stringMatching } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Database, DatabaseEngine, DatabasePlan } from '../../../crds/database.ts';
import { durationMs } from '../../../crds/duration.ts';
import { EnvName, GuestPath } from '../../../crds/names.ts';
import { cpuCores, quantityBytes } from '../../../crds/quantity.ts';
import { Artifact, EnvVar, GuestCommand, GuestProcess, Port, Source } from '../../../crds/workload.ts';
import { guestCommands } from '../guest-commands.ts';
import { connectionUrl, newCredentials } from './credentials.ts';
import { chooseVersion, isOlder } from './engine-version.ts';
import { engines } from './engines.ts';
import { planSize } from './plan-size.ts';
import { serverCommand } from './server-command.ts';

const definitions = DatabaseEngine.options.map((engine) => engines[engine]);
const settings = Database.specSchema.parse({
  engine: 'redis',
  settings: { maxConnections: 50, timeout: '90s', ssl: true, logging: true },
}).settings;

describe.each(definitions)('the definition of $title', (definition) => {
  it('names itself, an image that can be pulled, and the versions of it', () => {
    expect(engines[definition.engine]).toBe(definition);
    for (const series of definition.series) {
      const choice = chooseVersion(definition, series);
      expect(choice).toMatchObject({ ok: true, version: series, series });
      expect(Source.safeParse({ type: 'image', image: choice.ok ? choice.image : '' }).success).toBe(true);
      expect(Database.specSchema.safeParse({ engine: definition.engine, version: series }).success).toBe(true);
    }
  });

  it('has ports, a path, variables and a time to stop that a guest takes', () => {
    for (const port of definition.ports) expect(Port.safeParse(port).success).toBe(true);
    expect(GuestPath.safeParse(definition.dataPath).success).toBe(true);
    for (const { name } of definition.environment) expect(EnvName.safeParse(name).success).toBe(true);
    expect(durationMs(definition.stopTimeout)).toBeGreaterThanOrEqual(30_000);
    expect(definition.readiness).not.toBe('');
  });

  it('gives its password to the guest by reference, and to no argument', () => {
    const secret = definition.environment.filter((one) => 'credential' in one && one.credential === 'password');
    expect(secret.length).toBeGreaterThan(0);
    for (const one of definition.environment)
      if ('value' in one) expect(EnvVar.safeParse(one).success && !/pass/i.test(one.name)).toBe(true);
  });

  it('has commands for backups that a guest takes, with a password in no word and a reason for people', () => {
    const list = guestCommands(definition);
    for (const command of list) expect(GuestCommand.safeParse(command).error).toBeUndefined();
    expect(list.map(({ name }) => name)).toEqual([
      ...(definition.backup.quiesce ? ['quiesce'] : []),
      'dump',
      'load',
      'digest',
      'archive',
      'unarchive',
      'dump-read',
    ]);
    expect(list.find(({ name }) => name === 'dump')?.outputPath).toMatch(`${definition.dataPath}/`);
    expect(definition.backup.why.length).toBeGreaterThan(60);
    // Only the shell puts a password in: into an environment or a pipe, never behind an option of a program.
    for (const { argv } of list) expect(argv.join(' ')).not.toMatch(/-(-pass(word)?|a|p)[= ]?"?\$\w*pass/i);
  });

  it('stands in the documentation with what is done for its backups, and why', () => {
    const { title, backup } = definition;
    const row = `| ${title} | ${backup.quiesce ? 'a command' : 'nothing'} | ${backup.why} |`;
    expect(readFileSync(new URL('../../../docs/databases.md', import.meta.url), 'utf8')).toContain(row);
  });

  it('reads only variables that the guest has', () => {
    const known = new Set(definition.environment.map(({ name }) => name));
    const text = guestCommands(definition).map(({ argv }) => argv.join(' '));
    for (const [, name = ''] of text
      .join(' ')
      .matchAll(/(?:\$|\b)((?:POSTGRES|MYSQL|MARIADB|REDIS|MONGO|CLICKHOUSE|DFLY)_\w+\b)(?!=)/g))
      expect(known).toContain(name);
  });

  it('has scripts that a shell can read', () => {
    for (const { argv } of guestCommands(definition)) {
      const [program = '', option, script = ''] = argv;
      if (option !== '-c') continue;
      expect(spawnSync(program, ['-n', '-c', script], { encoding: 'utf8' })).toMatchObject({ status: 0, stderr: '' });
    }
  });

  it('has more of everything with every plan, and less in none', () => {
    const plans = DatabasePlan.options.map((plan) => planSize(definition, plan));
    for (const [index, size] of plans.entries()) {
      const next = plans[index + 1];
      if (!next) continue;
      expect(cpuCores(next.cpu)).toBeGreaterThan(cpuCores(size.cpu));
      expect(quantityBytes(next.memory)).toBeGreaterThan(quantityBytes(size.memory));
      expect(quantityBytes(next.storage)).toBeGreaterThan(quantityBytes(size.storage));
    }
  });

  it('makes a command of every setting, or says that there is none', () => {
    const plain = serverCommand(definition, ['/entrypoint'], { ssl: false, logging: false }, 512);
    const set = serverCommand(definition, ['/entrypoint'], settings, 512);
    expect(GuestProcess.safeParse({ command: set.command }).success).toBe(true);
    expect(plain.unsupported).toEqual([]);
    const said = JSON.stringify([set.command, set.unsupported]);
    expect(said).toContain('50');
    expect(said).toMatch(/90|idle connection/);
    expect(set.unsupported.join()).toContain('ssl');
    expect(set.command.join(' ').length).toBeGreaterThan(plain.command.join(' ').length);
  });

  it('has credentials that mean nothing to a URL, a shell or SQL, whatever the database is called', () => {
    const name = stringMatching(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/);
    assert(
      property(name, (text) => {
        const credentials = newCredentials(definition, text, randomBytes);
        expect(credentials.username).toMatch(/^[a-z]{1,16}$/);
        expect(credentials.password).toMatch(/^[0-9a-f]{48}$/);
        expect(credentials.database).toMatch(definition.database === 'named' ? /^[a-z][a-z0-9_]{0,62}$/ : /^0$/);
        const url = new URL(connectionUrl(definition, credentials, '10.0.0.5'));
        expect(url).toMatchObject({ username: credentials.username, password: credentials.password });
        expect(url).toMatchObject({ hostname: '10.0.0.5', pathname: `/${credentials.database}` });
      }),
    );
  });

  it('lets nothing of a hostile credential or host through its URL', () => {
    const hostile = { username: 'a:b@c', password: '/?#@', database: '../x?y=1' };
    const url = new URL(connectionUrl(definition, hostile, 'fd00::5'));
    expect(url).toMatchObject({ hostname: '[fd00::5]', port: String(definition.ports[0].port) });
    expect(decodeURIComponent(url.password)).toBe('/?#@');
    expect(decodeURIComponent(url.pathname)).toBe('/../x?y=1');
  });
});

describe('chooseVersion', () => {
  it('takes the newest without one, a release of a series, and nothing that only begins like one', () => {
    expect(chooseVersion(engines.postgresql, undefined)).toMatchObject({ version: '18', image: 'postgres:18' });
    expect(chooseVersion(engines.postgresql, '17.6')).toMatchObject({ series: '17', image: 'postgres:17.6' });
    expect(chooseVersion(engines.postgresql, '170')).toMatchObject({ ok: false });
    expect(chooseVersion(engines.dragonfly, '1.34.1')).toMatchObject({ series: '1', image: /:v1\.34\.1$/ });
  });

  it.each([
    ['17.6', '17.5', false],
    ['17.5', '17.6', true],
    ['17.10', '17.9', false],
    ['17', '17.6', false],
    ['8.4.2', '8.4.3', true],
    ['17.6-bookworm', '17.6', false],
  ])('%s after %s is a step back: %s', (wanted, current, older) => {
    expect(isOlder(wanted, current)).toBe(older);
  });
});

describe('serverCommand', () => {
  it('gives Redis its password by standard input, where no process list shows it', () => {
    const { command } = serverCommand(engines.redis, ['docker-entrypoint.sh', 'redis-server'], settings, 512);
    expect(command.slice(3)).toEqual(['sh', 'docker-entrypoint.sh', 'redis-server', '-']);
    expect(command[2]).toContain('requirepass $REDIS_PASSWORD\n');
    expect(command[2]).toContain('maxclients 50\n');
  });

  it('fits a command into what a guest runs', () => {
    const process = Artifact.shape.process.parse({ command: ['x'], env: [], workingDir: '', user: '', stopSignal: '' });
    const { command } = serverCommand(engines.postgresql, process.command, settings, 1024);
    expect(command).toEqual(expect.arrayContaining(['x', 'shared_buffers=256MB', 'idle_session_timeout=90000']));
  });
});
