import { statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { make, service } from '../../api/testing/api-fixture.ts';
import { Project } from '../../crds/project.ts';
import { Service } from '../../crds/service.ts';
import { CliFixture, serviceYaml } from './cli-fixture.ts';

let cli: CliFixture;
beforeEach(async () => {
  cli = await CliFixture.create();
});
afterEach(() => cli.dispose());

const newShop = `${serviceYaml('web').replace('shop', 'fresh')}---
apiVersion: containr.dev/v1alpha1
kind: Project
metadata: {name: fresh}
`;

describe('containr apply', () => {
  it('makes a project before what lies in it, and says created, configured and unchanged', async () => {
    const file = cli.write('fresh.yaml', newShop);
    const first = await cli.run('apply', '-f', file);
    expect(first).toEqual({ code: 0, stdout: 'project/fresh created\nservice/web created\n', stderr: '' });
    expect((await cli.run('apply', '-f', file)).stdout).toBe('project/fresh unchanged\nservice/web unchanged\n');
    cli.write('fresh.yaml', newShop.replace('nginx:1.29', 'nginx:1.30'));
    expect((await cli.run('apply', '-f', file)).stdout).toBe('project/fresh unchanged\nservice/web configured\n');
  });

  it('ends with 1 when something changed, or would, and the script wants to know', async () => {
    const file = cli.write('web.yaml', serviceYaml('web'));
    expect((await cli.run('apply', '-f', file, '--exit-code', '--dry-run=server')).code).toBe(1);
    expect(await cli.api.store.get(Service, { namespace: 'shop', name: 'web' })).toBeUndefined();
    expect((await cli.run('apply', '-f', file, '--exit-code')).code).toBe(1);
    expect((await cli.run('apply', '-f', file, '--exit-code')).code).toBe(0);
  });

  it('reads folders by name and lists of objects', async () => {
    cli.write('a.yaml', serviceYaml('a'));
    cli.write('b.json', JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [service('b'), service('c')] }));
    cli.write('notes.txt', 'not a manifest');
    const { stdout } = await cli.run('apply', '-f', '.');
    expect(stdout).toBe('service/a created\nservice/b created\nservice/c created\n');
  });

  it('checks without any server when told so', async () => {
    const file = cli.write('web.yaml', serviceYaml('web'));
    const { ended } = cli.start(['apply', '-f', file, '--dry-run=client'], { env: { CONTAINR_URL: '' } });
    expect(await ended).toMatchObject({ code: 0, stdout: 'service/web valid (client dry run)\n' });
  });

  it('names the owner of a field and how to take it over', async () => {
    const file = cli.write('web.yaml', serviceYaml('web', '  replicas: 1\n'));
    await cli.run('apply', '-f', file, '--field-manager', 'autoscaler');
    cli.write('web.yaml', serviceYaml('web', '  replicas: 3\n'));
    const { code, stderr } = await cli.run('apply', '-f', file);
    expect(code).toBe(4);
    expect(stderr).toContain('document 1, line 6, service/web: spec.replicas: conflict with "autoscaler"');
    expect(stderr).toContain('--force-conflicts');
    expect((await cli.run('apply', '-f', file, '--force-conflicts')).code).toBe(0);
  });

  it('writes everything although nobody reads what it says', async () => {
    const many = Array.from({ length: 12 }, (_, index) => serviceYaml(`many-${index}`)).join('---\n');
    await cli.shell(`"$0" apply -f ${cli.write('many.yaml', many)} | true`);
    expect((await cli.api.store.list(Service)).items).toHaveLength(12);
  });

  it('waits until all is ready, or one is stalled', async () => {
    const file = cli.write('web.yaml', serviceYaml('web'));
    const applying = cli.start(['apply', '-f', file, '--wait', '--timeout', '60s']);
    await applying.says('service/web created');
    await cli.report('web', [{ type: 'Ready' }]);
    expect((await applying.ended).code).toBe(0);
  });
});

describe('containr wait', () => {
  beforeEach(() => make(cli.api, Service, service('web')));

  it('ends at once with 1 and the message when the object is stalled in its present generation', async () => {
    const waiting = cli.start(['wait', 'service/web', '-n', 'shop', '--for=condition=Ready', '--timeout', '60s']);
    await cli.report('web', [{ type: 'Stalled', reason: 'BuildFailed', message: 'The Dockerfile fails.' }]);
    expect(await waiting.ended).toMatchObject({
      code: 1,
      stderr: 'containr: service/web is stalled (BuildFailed): The Dockerfile fails.\n',
    });
  });

  it('takes nothing that was said of an earlier generation for an answer', async () => {
    await cli.report('web', [{ type: 'Ready' }, { type: 'Stalled', message: 'Long ago.' }]);
    await cli.run('apply', '-f', cli.write('web.yaml', serviceYaml('web', '  replicas: 2\n')), '--force-conflicts');
    const waiting = await cli.run('wait', 'svc/web', '-n', 'shop', '--for=condition=Ready', '--timeout', '1s');
    expect(waiting.code).toBe(6);
    expect(waiting.stderr).toContain('timed out waiting for Ready=True');
  });

  it('waits through a restart of the server', async () => {
    const waiting = cli.start(['wait', 'svc/web', '-n', 'shop', '--for=jsonpath={.status.phase}=Running']);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    await cli.restartServer(300);
    await cli.report('web', [], { phase: 'Running' });
    expect(await waiting.ended).toMatchObject({ code: 0, stdout: 'service/web condition met\n' });
  });

  it('waits for what is to come and to go', async () => {
    const coming = cli.start(['wait', 'svc/new', '-n', 'shop', '--for=create', '--timeout', '60s']);
    await make(cli.api, Service, service('new'));
    expect(await coming.ended).toMatchObject({ code: 0, stdout: 'service/new created\n' });
    expect(await cli.run('wait', 'svc/none', '-n', 'shop', '--for=delete')).toMatchObject({ code: 0 });
    expect((await cli.run('wait', 'svc/none', '-n', 'shop', '--for=condition=Ready')).code).toBe(3);
  });

  it('ends for all when one of several is stalled', async () => {
    await make(cli.api, Service, service('api'));
    await cli.report('api', [{ type: 'Stalled', message: 'No.' }]);
    const targets = ['service/web', 'service/api', '-n', 'shop'];
    expect((await cli.run('wait', ...targets, '--for=condition=Ready', '--timeout', '60s')).code).toBe(1);
  });
});

describe('containr delete', () => {
  beforeEach(() => make(cli.api, Service, service('web')));

  async function finish(name: string): Promise<void> {
    const object = await cli.api.store.get(Service, { namespace: 'shop', name });
    if (!object) return;
    const { finalizers: _, ...metadata } = object.metadata;
    await cli.api.store.update(Service, { ...object, metadata: { ...metadata, finalizers: [] } }, { manager: 'test' });
  }

  async function isGoing(): Promise<boolean> {
    const object = await cli.api.store.get(Service, { namespace: 'shop', name: 'web' });
    return object?.metadata.deletionTimestamp !== undefined;
  }

  it('waits until the object is gone', async () => {
    const deleting = cli.start(['delete', 'service/web', '-n', 'shop', '--timeout', '60s']);
    await expect.poll(isGoing, { timeout: 10_000 }).toBe(true);
    await finish('web');
    expect(await deleting.ended).toEqual({ code: 0, stdout: 'service/web deleted\n', stderr: '' });
  });

  it('returns at once when told so, and times out when nothing ends it', async () => {
    expect((await cli.run('delete', 'svc/web', '-n', 'shop', '--timeout', '500ms')).code).toBe(6);
    expect(await cli.run('delete', 'svc/web', '-n', 'shop', '--wait=false')).toMatchObject({
      code: 0,
      stdout: 'service/web is being deleted\n',
    });
  });

  it('deletes the rest and ends with 3 when some are gone already, unless that is fine', async () => {
    const { code, stdout, stderr } = await cli.run('delete', 'svc', 'gone', 'web', '-n', 'shop', '--no-wait');
    expect({ code, stdout }).toEqual({ code: 3, stdout: 'service/web is being deleted\n' });
    expect(stderr).toContain('service/gone does not exist');
    expect((await cli.run('delete', 'svc/gone', '-n', 'shop', '--ignore-not-found')).code).toBe(0);
  });

  it('deletes a project only for who says its name again', async () => {
    const refused = await cli.run('delete', 'project/shop');
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain('--confirm shop');
    expect((await cli.api.store.get(Project, { name: 'shop' }))?.metadata.deletionTimestamp).toBeUndefined();
    expect((await cli.run('delete', '--confirm', 'shop', 'project/shop', '--no-wait')).code).toBe(0);
  });

  it('deletes what files say, last applied first', async () => {
    const file = cli.write('fresh.yaml', newShop);
    await cli.run('apply', '-f', file);
    const { stdout } = await cli.run('delete', '-f', file, '--confirm', 'fresh', '--no-wait');
    expect(stdout).toBe('service/web is being deleted\nproject/fresh is being deleted\n');
  });
});

describe('containr reconcile', () => {
  it('ends when the loop has echoed the request, stalled or not', async () => {
    await make(cli.api, Service, service('web'));
    await cli.report('web', [{ type: 'Stalled', message: 'Stuck.' }]);
    const asking = cli.start(['reconcile', 'service/web', '-n', 'shop']);
    const asked = async (): Promise<string | undefined> =>
      (await cli.api.store.get(Service, { namespace: 'shop', name: 'web' }))?.metadata.annotations?.[
        'containr.dev/reconcile-requested-at'
      ];
    await expect.poll(asked, { timeout: 10_000 }).toBeDefined();
    await cli.report('web', [{ type: 'Stalled', message: 'Stuck.' }], { lastHandledReconcileAt: await asked() });
    expect(await asking.ended).toMatchObject({ code: 0, stdout: 'service/web reconciled\n' });
  });
});

describe('containr login', () => {
  const fromFile = { CONTAINR_URL: '', CONTAINR_TOKEN: '' };

  it('keeps a token that the server accepts, readable by nobody else, and uses it', async () => {
    const { ended } = cli.start(['login', `${cli.url}/`, '--context', 'home'], { input: 'admin\n', env: fromFile });
    expect(await ended).toMatchObject({ code: 0, stderr: '' });
    expect(statSync(join(cli.folder, 'config', 'contexts.json')).mode & 0o777).toBe(0o600);
    const got = await cli.start(['get', 'projects', '-o', 'name'], { env: fromFile }).ended;
    expect(got).toMatchObject({ code: 0, stdout: 'project/other\nproject/shop\n' });
    const listed = await cli.start(['context', 'list'], { env: fromFile }).ended;
    expect(listed.stdout).toContain('home');
    expect(listed.stdout).not.toContain('admin');
    expect((await cli.run('context', 'use', 'away')).code).toBe(3);
  });

  it('keeps nothing that the server refuses', async () => {
    const { ended } = cli.start(['login', cli.url], { input: 'wrong', env: fromFile });
    expect((await ended).code).toBe(5);
    expect((await cli.start(['get', 'projects'], { env: fromFile }).ended).code).toBe(2);
  });
});
