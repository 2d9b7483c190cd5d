import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findCanaries, newCanary, type Canary, type Place } from './databases/canaries.ts';
import { PROJECT, applyDatabase, startDatabase, type ReadyDatabase } from './databases/database-fixture.ts';
import { buildShell, obstacleToImages } from './databases/database-images.ts';
import { ProcessWatch, apiPlaces, filePlaces, printed, proxmoxPlaces, storePlaces } from './databases/places.ts';
import { DevEnvironment, obstacleToContainers, until } from './dev-environment.ts';

const obstacle = obstacleToContainers() ?? obstacleToImages();
if (obstacle !== undefined) console.log(`Skipped, the search for leaked credentials: ${obstacle}.`);

const token = newCanary('the value of a Secret');
const registry = newCanary('the password of a registry');
const git = newCanary('the password of a repository');
const later = newCanary('a password that the database refuses');
const applied = newCanary('a value that is only shown to diff');

describe.skipIf(obstacle !== undefined)('credentials', () => {
  const dev = new DevEnvironment();
  const watch = new ProcessWatch();
  /** Refuses every login and repeats it in its answer, as careless servers do. */
  let stranger: Server | undefined;
  let strangerPort = 0;
  const asked: string[] = [];
  let database: ReadyDatabase | undefined;
  let canaries: Canary[] = [token, registry, git, later, applied];
  const places: Place[] = [];
  const configs: Place[] = [];

  beforeAll(async () => {
    stranger = createServer((request, answer) => {
      const { authorization = '' } = request.headers;
      asked.push(`${request.url} ${authorization === '' ? 'without' : 'with'} a login`);
      answer.writeHead(401, { 'www-authenticate': 'Basic realm="canary"', 'content-type': 'application/json' });
      const login = Buffer.from(authorization.replace(/^Basic /, ''), 'base64').toString();
      answer.end(JSON.stringify({ errors: [{ code: 'UNAUTHORIZED', message: `no such login: ${login}` }] }));
    });
    await new Promise<void>((resolve) => stranger?.listen(0, '127.0.0.1', resolve));
    const address = stranger.address();
    strangerPort = typeof address === 'object' && address !== null ? address.port : 0;
    await dev.start({ engine: 'lxc' });
    buildShell(dev);
  });
  afterAll(async () => {
    watch.stop();
    stranger?.close();
    await database?.rows.close();
    await dev.dispose();
  });

  async function look(): Promise<void> {
    places.push(printed(dev, 'get', 'secrets', '-A', '-o', 'yaml'));
    for (const target of ['services', 'databases', 'guests', 'secrets', 'builds'])
      places.push(printed(dev, 'describe', target, '-n', PROJECT));
    places.push(printed(dev, 'events', '-A'), ...(await apiPlaces(dev)));
    const proxmox = await proxmoxPlaces(dev);
    places.push(...proxmox.places);
    configs.push(...proxmox.configs);
  }

  function secret(name: string, values: Record<string, string>): string {
    const data = Object.entries(values).map(([key, value]) => `${key}: ${JSON.stringify(value)}`);
    return `apiVersion: containr.dev/v1alpha1
kind: Secret
metadata: { name: ${name}, namespace: ${PROJECT} }
spec: { data: { ${data.join(', ')} } }
---
`;
  }

  function service(name: string, spec: string): string {
    return `apiVersion: containr.dev/v1alpha1
kind: Service
metadata: { name: ${name}, namespace: ${PROJECT} }
spec:
  type: worker
  resources: { cpu: 500m, memory: 64Mi, storage: 256Mi }
${spec}
---
`;
  }

  function reader(word: string): string {
    return service(
      'reader',
      `  source: { type: image, image: "shell:1" }
  build: { startCommand: 'echo ${word} for "$DATABASE_HOST"; sleep 1000' }
  env:
    - { name: TOKEN, valueFrom: { secretRef: { name: canary, key: TOKEN } } }
    - { name: DATABASE_URL, valueFrom: { databaseRef: { name: my-postgresql, key: url } } }
    - { name: DATABASE_HOST, valueFrom: { databaseRef: { name: my-postgresql, key: host } } }`,
    );
  }

  /** The condition that says what is wrong with a service's build. */
  async function fails(name: string): Promise<void> {
    await until(`service/${name} says that its build failed`, () =>
      dev
        .must('get', 'builds', '-n', PROJECT)
        .split('\n')
        .some((line) => line.startsWith(`${name}-`) && /Failed/.test(line)),
    );
  }

  it('are used by databases, services, builds and pulls, good ones and bad ones', async () => {
    watch.start();
    database = await startDatabase(dev, 'postgresql');
    applyDatabase(dev, 'postgresql', database.name, 'restartedAt: once');
    canaries = [...canaries, { name: 'the password of the database', value: new URL(database.url).password }];

    const file = dev.write('reader.yaml', `${secret('canary', { TOKEN: token.value })}${reader('hello')}`);
    dev.must('apply', '-f', file, '--wait', '--timeout', '120s');
    dev.write('reader.yaml', `${secret('canary', { TOKEN: applied.value })}${reader('changed')}`);
    places.push(printed(dev, 'diff', '-f', file));
    dev.write('reader.yaml', reader('changed'));
    dev.must('apply', '-f', file, '--wait', '--timeout', '120s');
    dev.must('rollout', 'undo', 'service/reader', '-n', PROJECT);

    const broken = join(dev.folder, 'broken');
    mkdirSync(broken, { recursive: true });
    writeFileSync(join(broken, 'Dockerfile'), 'FROM shell:1\nRUN ["/bin/sh", "-c", "echo failing; exit 7"]\n');
    const who = ['-c', 'user.name=Test', '-c', 'user.email=test@localhost', '-c', 'commit.gpgsign=false'];
    for (const words of [
      ['init', '-q', '-b', 'main'],
      ['add', '-A'],
      ['commit', '-q', '-m', 'Broken'],
    ])
      spawnSync('git', ['-C', broken, ...who, ...words]);
    const bad = [
      secret('registry', { username: 'robot', password: registry.value }),
      secret('repository', { username: 'robot', password: git.value }),
      service(
        'private',
        `  source: { type: image, image: "127.0.0.1:${strangerPort}/app:1", secretRef: { name: registry } }`,
      ),
      service(
        'cloned',
        `  source: { type: git, repository: "http://127.0.0.1:${strangerPort}/app.git", branch: main, secretRef: { name: repository } }`,
      ),
      service(
        'broken',
        `  source: { type: git, repository: ${broken}, branch: main, secretRef: { name: repository } }
  env: [{ name: TOKEN, valueFrom: { secretRef: { name: canary, key: TOKEN } } }]`,
      ),
    ];
    dev.must('apply', '-f', dev.write('bad.yaml', bad.join('')));
    for (const name of ['private', 'cloned', 'broken']) await fails(name);
    expect(asked.some((line) => line.includes('/v2/') && line.endsWith('with a login'))).toBe(true);
    expect(asked.some((line) => line.includes('.git/') && line.endsWith('with a login'))).toBe(true);
    for (const name of ['reader', 'private', 'cloned', 'broken'])
      places.push(printed(dev, 'logs', `service/${name}`, '-n', PROJECT, '--build'));
    places.push(printed(dev, 'logs', 'service/reader', '-n', PROJECT));
    await look();

    // From here on the Secret has another password than the data.
    const wrong = secret('my-postgresql-credentials', { password: later.value });
    dev.must('apply', '-f', dev.write('wrong.yaml', wrong), '--force-conflicts');
    await until('the login is denied', () => dev.field('database/my-postgresql', '{.status.phase}') === 'Failed');
    await look();

    const targets = ['service/reader', 'service/private', 'service/cloned', 'service/broken', 'database/my-postgresql'];
    dev.must('delete', ...targets, '-n', PROJECT);
    await look();
    places.push(watch.stop(), ...filePlaces(dev), ...(await storePlaces(dev)));
  });

  it('stand in no object, event, log, view, difference, table, file, process list or field of Proxmox', () => {
    expect(places.some(({ where }) => where.startsWith('the table'))).toBe(true);
    console.log(`  ${places.length} places were searched for ${canaries.length} credentials`);
    expect(findCanaries(canaries, [{ where: 'here', content: Buffer.from(token.value) }])).not.toEqual([]);
    expect([...new Set(findCanaries(canaries, places))]).toEqual([]);
  });

  it('cannot be read in what the supervisors of guests are configured with, once decoded', () => {
    expect(configs).not.toEqual([]);
    expect(findCanaries(canaries, configs)).toEqual([]);
  });
});
