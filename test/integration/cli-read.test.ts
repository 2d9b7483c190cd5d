import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Event } from '../../crds/event.ts';
import { Guest } from '../../crds/guest.ts';
import { make, service } from '../../api/testing/api-fixture.ts';
import { Service } from '../../crds/service.ts';
import { CliFixture, serviceYaml } from './cli-fixture.ts';

let cli: CliFixture;
beforeAll(async () => {
  cli = await CliFixture.create();
  await make(cli.api, Service, service('web', { replicas: 2 }, { labels: { tier: 'front' } }));
  await make(cli.api, Service, service('api', { replicas: 1 }));
  await cli.report('web', [{ message: 'Two of two serve.\n\u001b[31mred' }], {
    phase: 'Running',
    url: 'http://10.0.0.5:80',
  });
});
afterAll(() => cli.dispose());

describe('containr get', () => {
  it('shows the table of the server, its columns aligned', async () => {
    const { code, stdout } = await cli.run('get', 'services', '-n', 'shop');
    const [head = '', ...rows] = stdout.trimEnd().split('\n');
    expect(code).toBe(0);
    expect(head).toMatch(/^NAME +READY +REPLICAS +REV +STATUS +URL +AGE$/);
    expect(rows).toHaveLength(2);
    const web = rows.find((row) => row.startsWith('web')) ?? '';
    expect(web.slice(head.indexOf('STATUS'))).toMatch(/^Running +http:\/\/10\.0\.0\.5:80 +\d+s$/);
  });

  it('keeps a message from elsewhere in its one cell', async () => {
    const { stdout } = await cli.run('get', 'svc/web', '-n', 'shop', '-o', 'wide');
    expect(stdout).toContain('Two of two serve. [31mred');
    expect(stdout).not.toContain('\u001b');
  });

  it.each<[string, string[], string]>([
    [
      'by name, in the order asked for',
      ['svc/web', 'svc/api', '-n', 'shop', '-o', 'name'],
      'service/web\nservice/api\n',
    ],
    ['by kind and names', ['service', 'api', '-n', 'shop', '-o', 'name'], 'service/api\n'],
    ['by label', ['services', '-A', '-l', 'tier=front', '-o', 'name'], 'service/web\n'],
    ['by field', ['services', '-A', '--field-selector', 'status.phase=Running', '-o', 'name'], 'service/web\n'],
    [
      'of several kinds',
      ['projects,services', '-A', '-o', 'name', '--sort-by', '.metadata.name'],
      'service/api\nproject/other\nproject/shop\nservice/web\n',
    ],
    ['a path', ['svc/web', '-n', 'shop', '-o', 'jsonpath={.status.url}'], 'http://10.0.0.5:80\n'],
    ['a path without braces', ['svc/web', '-n', 'shop', '-o', 'jsonpath=.spec.replicas'], '2\n'],
    [
      'text with paths',
      ['svc/web', '-n', 'shop', '-o', 'jsonpath={.kind}/{.metadata.name}{"\\n"}done'],
      'Service/web\ndone\n',
    ],
    [
      'a condition',
      ['svc/web', '-n', 'shop', '-o', 'jsonpath={.status.conditions[?(@.type=="Ready")].status}'],
      'True\n',
    ],
  ])('selects %s', async (_, parameters, stdout) => {
    expect(await cli.run('get', ...parameters)).toEqual({ code: 0, stdout, stderr: '' });
  });

  it('sorts by a column, and by a path', async () => {
    const names = async (...sort: string[]): Promise<string[]> =>
      (await cli.run('get', 'services', '-n', 'shop', '--no-headers', ...sort)).stdout
        .trimEnd()
        .split('\n')
        .map((row) => row.split(' ', 1)[0] ?? '');
    expect(await names('--sort-by', 'name')).toEqual(['api', 'web']);
    expect(await names('--sort-by', 'age')).toEqual(['web', 'api']);
    expect(await names('--sort-by', '{.spec.replicas}')).toEqual(['api', 'web']);
  });

  it('shows who owns which fields only when asked', async () => {
    await cli.run('apply', '-f', cli.write('owned.yaml', serviceYaml('owned')));
    const plain = await cli.run('get', 'svc/owned', '-n', 'shop', '-o', 'yaml');
    const whole = await cli.run('get', 'svc/owned', '-n', 'shop', '-o', 'yaml', '--show-managed-fields');
    expect(plain.stdout).not.toContain('managedFields');
    expect(whole.stdout).toContain('manager: containr-cli');
    await cli.run('delete', 'svc/owned', '-n', 'shop', '--no-wait');
  });

  it('gives what apply takes', async () => {
    const { stdout } = await cli.run('get', 'svc/api', '-n', 'shop', '-o', 'yaml');
    const { ended } = cli.start(['apply', '-f', '-', '--dry-run=server', '--force-conflicts'], { input: stdout });
    expect((await ended).code).toBe(0);
  });

  it('says on standard error that there is nothing', async () => {
    expect(await cli.run('get', 'guests', '-n', 'shop')).toEqual({
      code: 0,
      stdout: '',
      stderr: 'No guests found in shop.\n',
    });
  });

  it('goes on showing changes through a restart of the server, and ends with 130 on Ctrl-C without a word', async () => {
    const watching = cli.start(['get', 'services', '-n', 'shop', '-w']);
    await watching.says('web ');
    await cli.report('api', [], { phase: 'Building' });
    await watching.says('Building');
    await cli.restartServer(300);
    await cli.report('api', [], { phase: 'Deploying' });
    await watching.says('Deploying');
    watching.process.kill('SIGINT');
    expect(await watching.ended).toMatchObject({ code: 130, stderr: '' });
  });

  it('ends quietly when nobody reads on', async () => {
    for (let index = 0; index < 400; index++)
      await make(cli.api, Service, service(`many-${index}`, {}, { namespace: 'other' }));
    const { code, stdout, stderr } = await cli.shell('"$0" get services -A -o json | head -n 1; exit ${PIPESTATUS[0]}');
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: '{\n', stderr: '' });
  });
});

describe('containr describe', () => {
  it('shows spec, conditions with their age, children and the last ten events', async () => {
    const web = await cli.api.store.get(Service, { namespace: 'shop', name: 'web' });
    for (let index = 0; index < 12; index++)
      await make(cli.api, Event, event(`e${index}`, web?.metadata.uid ?? '', index));
    const { code, stdout } = await cli.run('describe', 'service/web', '-n', 'shop');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Name: +web$/m);
    expect(stdout).toMatch(/^ {2}replicas: 2$/m);
    expect(stdout).toMatch(/^ {2}Ready +True +\S+ +Available +Two of two serve\./m);
    expect(stdout).toContain('event 11');
    expect(stdout).not.toContain('event 1\n');
    expect(stdout.match(/event \d+/g)).toHaveLength(10);
  });

  it('shows a project with its services to who may not see events of the installation', async () => {
    const { ended } = cli.start(['describe', 'project/shop'], { as: 'dev' });
    const { code, stdout } = await ended;
    expect(code).toBe(0);
    expect(stdout).toContain('service/web');
  });
});

describe('containr events', () => {
  it('shows what happened to one object, by type, oldest first', async () => {
    const { code, stdout } = await cli.run('events', '--for', 'service/web', '--types', 'Warning');
    const messages = stdout.match(/event \d+/g);
    expect(code).toBe(0);
    expect(messages).toEqual(['event 0', 'event 2', 'event 4', 'event 6', 'event 8', 'event 10']);
  });
});

describe('containr logs', () => {
  it('prints lines as they are, empty ones too, and follows', async () => {
    const guest = await make(cli.api, Guest, guestManifest());
    const lines = ['one', '', 'three'].map((text, position) => ({
      time: new Date(1_000 * (position + 1)),
      source: 'stdout' as const,
      text,
      position,
    }));
    await cli.api.logs.append(`guest/${guest.metadata.uid}`, lines, 3);
    const { code, stdout } = await cli.run('logs', 'service/web', '-n', 'shop');
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'one\n\nthree\n' });
    expect((await cli.run('logs', 'service/web', '-n', 'shop', '--tail', '1')).stdout).toBe('three\n');
    const following = cli.start(['logs', 'guest', 'web-1-0', '-n', 'shop', '-f', '--tail', '1']);
    await following.says('three');
    await cli.api.logs.append(
      `guest/${guest.metadata.uid}`,
      [{ time: new Date(5_000), source: 'stdout', text: 'later', position: 3 }],
      4,
    );
    await following.says('later');
    following.process.kill('SIGINT');
    expect((await following.ended).code).toBe(130);
  });
});

function event(name: string, uid: string, index: number): object {
  const at = new Date(Date.UTC(2026, 0, 31, 12, index)).toISOString();
  return {
    apiVersion: 'containr.dev/v1alpha1',
    kind: 'Event',
    metadata: { name, namespace: 'shop' },
    spec: {
      regarding: { kind: 'Service', name: 'web', namespace: 'shop', uid },
      type: index % 2 === 0 ? 'Warning' : 'Normal',
      reason: 'Created',
      message: `event ${index}`,
      firstTimestamp: at,
      lastTimestamp: at,
    },
  };
}

function guestManifest(): object {
  const run = { command: ['x'], env: [], workingDir: '/', user: '', stopSignal: '' };
  const artifact = {
    digest: 'sha256:0',
    sizeBytes: 1,
    imageDigest: 'sha256:1',
    image: 'nginx',
    architecture: 'amd64',
    process: run,
  };
  return {
    apiVersion: 'containr.dev/v1alpha1',
    kind: 'Guest',
    metadata: { name: 'web-1-0', namespace: 'shop', labels: { 'containr.dev/service': 'web' } },
    spec: { hostname: 'web-1-0', artifact, process: { command: ['x'] } },
  };
}
