import { execFile, execFileSync, spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { allKinds } from '../crds/kinds.ts';
import { Service } from '../crds/service.ts';
import { make, secret, service } from './testing/api-fixture.ts';
import { serveShop, type Served } from './testing/served.ts';

function hasKubectl(): boolean {
  try {
    execFileSync('kubectl', ['version', '--client'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

const present = hasKubectl();

interface Result {
  code: number;
  out: string;
  err: string;
}

async function run(folder: string, args: string[], env: Record<string, string> = {}): Promise<Result> {
  const environment = { PATH: process.env['PATH'] ?? '', HOME: folder, ...env };
  try {
    const { stdout, stderr } = await promisify(execFile)('kubectl', args, { env: environment, timeout: 30_000 });
    return { code: 0, out: stdout, err: stderr };
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'number') throw error;
    const { stdout = '', stderr = '' } = { stdout: undefined, stderr: undefined, ...error };
    return { code: error.code, out: String(stdout), err: String(stderr) };
  }
}

describe.skipIf(!present)(`kubectl${present ? '' : ' (skipped: there is no kubectl on this machine)'}`, () => {
  let served: Served;
  beforeAll(async () => {
    served = await serveShop();
  });
  afterAll(() => served.close());

  function access(as: string): string[] {
    const { folder, url } = served;
    return [
      '--server',
      url,
      '--certificate-authority',
      join(folder, 'ca.pem'),
      '--token',
      as,
      '--cache-dir',
      join(folder, 'cache'),
    ];
  }

  const kubectl = (...args: string[]) => run(served.folder, [...access('admin'), ...args]);

  async function file(name: string, manifest: object): Promise<string> {
    const path = join(served.folder, name);
    await writeFile(path, JSON.stringify(manifest));
    return path;
  }

  it('discovers every kind', async () => {
    const { code, out } = await kubectl('api-resources', '--no-headers');
    expect(code).toBe(0);
    for (const { kind, plural } of allKinds) expect(out).toMatch(new RegExp(`^${plural} .* ${kind}$`, 'm'));
  });

  it('shows our columns', async () => {
    await make(served.api, Service, service('columns'));
    const { out } = await kubectl('get', 'svc', 'columns', '-n', 'shop', '-o', 'wide');
    expect(out.split('\n')[0]?.split(/ +/)).toEqual([
      'NAME',
      'READY',
      'REPLICAS',
      'REV',
      'STATUS',
      'URL',
      'AGE',
      'NODES',
      'VMIDS',
      'COMMIT',
      'MESSAGE',
    ]);
    expect((await kubectl('get', 'services', '-A', '--chunk-size=1')).out).toContain('columns');
    expect((await kubectl('get', 'svc', 'columns', '-n', 'shop', '-o', 'jsonpath={.spec.replicas}')).out).toBe('1');
  });

  it('explains fields', async () => {
    expect((await kubectl('explain', 'service.spec.rollout.maxSurge')).out).toContain(
      'Guests above the number of replicas while rolling.',
    );
  });

  it.each([['on the client'], ['on the server', '--server-side']])(
    'applies %s, and changes nothing the second time',
    async (_, ...flags) => {
      const name = `applied${flags.length}`;
      const path = await file('web.json', service(name, { replicas: 2 }));
      const version = async () =>
        (await kubectl('get', 'svc', name, '-n', 'shop', '-o', 'jsonpath={.metadata.resourceVersion}')).out;
      expect((await kubectl('apply', ...flags, '-f', path)).code).toBe(0);
      const before = await version();
      expect((await kubectl('apply', ...flags, '-f', path)).code).toBe(0);
      expect(await version()).toBe(before);
      expect((await kubectl('diff', ...flags, '-f', path)).code).toBe(0);
      const changed = await file('web.json', service(name, { region: 'east' }));
      expect((await kubectl('diff', ...flags, '-f', changed)).code).toBe(1);
      await kubectl('apply', ...flags, '-f', changed);
      const spec = await kubectl('get', 'svc', name, '-n', 'shop', '-o', 'jsonpath={.spec.replicas} {.spec.region}');
      expect(spec.out).toBe('1 east');
    },
  );

  it('moves from one way of applying to the other', async () => {
    const path = await file('moving.json', service('moving', { replicas: 2 }));
    await kubectl('apply', '-f', path);
    const moved = await kubectl('apply', '--server-side', '-f', path);
    expect(moved).toMatchObject({ code: 0, err: '' });
    await kubectl('apply', '--server-side', '-f', await file('moving.json', service('moving')));
    expect((await kubectl('get', 'svc', 'moving', '-n', 'shop', '-o', 'jsonpath={.spec.replicas}')).out).toBe('1');
  });

  it('tells of a conflict, and takes the field by force', async () => {
    const path = await file('owned.json', service('owned', { replicas: 2 }));
    await kubectl('apply', '--server-side', '-f', path);
    await kubectl('patch', 'svc', 'owned', '-n', 'shop', '--type', 'merge', '-p', '{"spec":{"replicas":5}}');
    const refused = await kubectl('apply', '--server-side', '-f', path);
    expect(refused.code).not.toBe(0);
    expect(refused.err).toContain('.spec.replicas belongs to "kubectl-patch"');
    expect((await kubectl('apply', '--server-side', '--force-conflicts', '-f', path)).code).toBe(0);
  });

  it('names each wrong field', async () => {
    const path = await file('bad.json', service('bad', { replicas: 'two', sorce: {} }));
    for (const command of [['apply'], ['apply', '--server-side'], ['create']]) {
      const { code, err } = await kubectl(...command, '-f', path);
      expect(code).not.toBe(0);
      expect(err).toContain('* spec.replicas: expected a whole number, got "two"');
      expect(err).toContain('* spec.sorce: is not a known field; did you mean "source"?');
    }
  });

  it('labels, annotates, patches, edits and replaces', async () => {
    await make(served.api, Service, service('edited'));
    const path = await file('edited.json', service('edited', { replicas: 3 }));
    expect((await kubectl('label', 'svc', 'edited', '-n', 'shop', 'a=b')).code).toBe(0);
    expect((await kubectl('annotate', 'svc', 'edited', '-n', 'shop', 'a=b')).code).toBe(0);
    const patch = '[{"op":"replace","path":"/spec/replicas","value":4}]';
    expect((await kubectl('patch', 'svc', 'edited', '-n', 'shop', '--type', 'json', '-p', patch)).code).toBe(0);
    const editor = { EDITOR: 'sed -i s/replicas:.4/replicas:\\ 6/' };
    expect((await run(served.folder, [...access('admin'), 'edit', 'svc', 'edited', '-n', 'shop'], editor)).code).toBe(
      0,
    );
    expect(
      (await kubectl('get', 'svc', '-n', 'shop', '-l', 'a=b', '-o', 'jsonpath={.items[0].spec.replicas}')).out,
    ).toBe('6');
    expect((await kubectl('replace', '-f', path)).code).toBe(0);
  });

  it('watches, with the columns of a list', async () => {
    await make(served.api, Service, service('watched'));
    const watching = spawn(
      'kubectl',
      [...access('admin'), 'get', 'svc', 'watched', '-n', 'shop', '-w', '-o', 'custom-columns=R:.spec.replicas'],
      {
        env: { PATH: process.env['PATH'] ?? '', HOME: served.folder },
      },
    );
    let seen = '';
    watching.stdout.on('data', (data: Buffer) => {
      seen += data.toString();
    });
    const saw = (text: string) => expect.poll(() => seen, { timeout: 15_000 }).toContain(text);
    await saw('1\n');
    await kubectl('patch', 'svc', 'watched', '-n', 'shop', '--type', 'merge', '-p', '{"spec":{"replicas":7}}');
    await saw('7\n');
    watching.kill();
    expect(seen).toBe('R\n1\n7\n');
  });

  it('waits for a condition, and deletes once everything is cleaned up', async () => {
    await make(served.api, Service, service('waited'));
    const waited = kubectl(
      'wait',
      'svc/waited',
      '-n',
      'shop',
      '--for=jsonpath={.status.phase}=Running',
      '--timeout=20s',
    );
    const status = { status: { phase: 'Running' } };
    await kubectl(
      'patch',
      'svc',
      'waited',
      '-n',
      'shop',
      '--subresource=status',
      '--type',
      'merge',
      '-p',
      JSON.stringify(status),
    );
    expect((await waited).code).toBe(0);
    const deleted = kubectl('delete', 'svc', 'waited', '-n', 'shop', '--timeout=20s');
    await expect
      .poll(() => served.api.store.get(Service, { namespace: 'shop', name: 'waited' }), { timeout: 15_000 })
      .toHaveProperty('metadata.deletionTimestamp');
    await kubectl('patch', 'svc', 'waited', '-n', 'shop', '--type', 'merge', '-p', '{"metadata":{"finalizers":[]}}');
    expect((await deleted).code).toBe(0);
  });

  it('never sees the value of a Secret', async () => {
    const path = await file('secret.json', secret('canary', { token: 'canary-4c1e' }));
    await kubectl('apply', '-f', path);
    await kubectl('apply', '-f', path);
    const seen = await Promise.all([
      kubectl('get', 'secrets.containr.dev', 'canary', '-n', 'shop', '-o', 'yaml', '--show-managed-fields'),
      kubectl('describe', 'secrets.containr.dev', 'canary', '-n', 'shop'),
      kubectl('get', 'secrets.containr.dev', '-A', '-o', 'wide'),
    ]);
    expect(JSON.stringify(seen)).toContain('token');
    expect(JSON.stringify(seen)).not.toContain('canary-4c1e');
  });

  it('tells what is not allowed, and what is not there', async () => {
    const refused = await run(served.folder, [...access('viewer'), 'delete', 'svc', 'columns', '-n', 'shop']);
    expect(refused.err).toContain('(Forbidden): Your role viewer may not delete Service objects here.');
    expect((await kubectl('get', 'svc', 'nothing', '-n', 'shop')).err).toContain(
      'There is no Service "nothing" in namespace "shop".',
    );
    expect((await run(served.folder, [...access('nobody'), 'get', 'svc', '-n', 'shop'])).err).toContain(
      'You must be logged in',
    );
  });

  it('reads the generated definitions', async () => {
    const group = { groupVersion: 'apiextensions.k8s.io/v1', version: 'v1' };
    const answers: Readonly<Record<string, object>> = {
      '/api': { kind: 'APIVersions', versions: [] },
      '/apis': {
        kind: 'APIGroupList',
        apiVersion: 'v1',
        groups: [{ name: 'apiextensions.k8s.io', versions: [group], preferredVersion: group }],
      },
      '/apis/apiextensions.k8s.io/v1': {
        kind: 'APIResourceList',
        apiVersion: 'v1',
        groupVersion: group.groupVersion,
        resources: [
          {
            name: 'customresourcedefinitions',
            singularName: 'customresourcedefinition',
            namespaced: false,
            kind: 'CustomResourceDefinition',
            verbs: ['create', 'get'],
          },
        ],
      },
    };
    const server = createServer((request, response) => {
      const answer = answers[request.url?.split('?', 1)[0] ?? ''];
      response.writeHead(answer ? 200 : 404, { 'content-type': 'application/json' }).end(JSON.stringify(answer ?? {}));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
    const address = server.address();
    if (typeof address !== 'object' || !address) throw new Error('the server has no address');
    const crds = join(import.meta.dirname, '../crds');
    const reading = ['create', '--dry-run=client', '--validate=false', '-o', 'name', '-k', crds];
    const { out, code } = await run(served.folder, [
      '--server',
      `http://127.0.0.1:${address.port}`,
      '--cache-dir',
      join(served.folder, 'other'),
      ...reading,
    ]);
    server.close();
    expect(code).toBe(0);
    expect(out.trim().split('\n').toSorted()).toEqual(
      allKinds.map(({ plural }) => `customresourcedefinition.apiextensions.k8s.io/${plural}.containr.dev`).toSorted(),
    );
  });
});
