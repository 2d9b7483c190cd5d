import { once } from 'node:events';
import type { RequestListener } from 'node:http';
import { createServer, type Server } from 'node:https';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { make, service } from '../../api/testing/api-fixture.ts';
import { Project } from '../../crds/project.ts';
import { Secret } from '../../crds/secret.ts';
import { Service } from '../../crds/service.ts';
import { Volume } from '../../crds/volume.ts';
import { selfSignedCertificate } from '../../reconcilers/providers/proxmox/testing/self-signed-certificate.ts';
import { CliFixture, serviceYaml, type Ended } from './cli-fixture.ts';

let cli: CliFixture;
beforeEach(async () => {
  cli = await CliFixture.create();
});
afterEach(() => cli.dispose());

const secretYaml = `apiVersion: containr.dev/v1alpha1
kind: Secret
metadata: {name: keys, namespace: shop}
spec: {data: {token: abc}}
`;
const volumeYaml = 'apiVersion: containr.dev/v1alpha1\nkind: Volume\nmetadata: {name: data, namespace: shop}\n';
const projectYaml = 'apiVersion: containr.dev/v1alpha1\nkind: Project\nmetadata: {name: fresh}\n';

const state = (documents: readonly string[]): string => cli.write('state.yaml', documents.join('---\n'));
const prune = (documents: readonly string[], ...more: string[]): Promise<Ended> =>
  cli.run('apply', '-f', state(documents), '--prune', '--inventory', 'shop', ...more);

async function isGoing(name: string): Promise<boolean> {
  const object = await cli.api.store.get(Service, { namespace: 'shop', name });
  return object === undefined || object.metadata.deletionTimestamp !== undefined;
}

describe('containr apply --prune', () => {
  it('deletes what it applied and the files no longer say, and nothing else', async () => {
    await make(cli.api, Service, service('foreign'));
    expect((await prune([serviceYaml('web'), serviceYaml('old'), secretYaml])).stdout).toBe(
      'secret/keys created\nservice/web created\nservice/old created\n',
    );
    const again = await prune([serviceYaml('web'), serviceYaml('old'), secretYaml], '--exit-code');
    expect(again).toMatchObject({ code: 0, stdout: expect.stringContaining('service/old unchanged') });
    const dry = await prune([serviceYaml('web')], '--dry-run=server', '--exit-code');
    expect(dry).toMatchObject({ code: 1, stdout: expect.stringContaining('service/old pruned (server dry run)') });
    expect(await isGoing('old')).toBe(false);
    const { code, stdout } = await prune([serviceYaml('web')]);
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: 'service/web unchanged\nservice/old pruned\nsecret/keys pruned\n',
    });
    expect(await isGoing('old')).toBe(true);
    expect(await cli.api.store.get(Secret, { namespace: 'shop', name: 'keys' })).toBeUndefined();
    expect([await isGoing('web'), await isGoing('foreign')]).toEqual([false, false]);
  });

  it('writes nothing at all the second time', async () => {
    const versions = async (): Promise<string[]> =>
      (await cli.api.store.list(Service)).items.map(({ metadata }) => metadata.resourceVersion);
    await prune([serviceYaml('web'), secretYaml]);
    const before = await versions();
    await prune([serviceYaml('web'), secretYaml]);
    expect(await versions()).toEqual(before);
  });

  it('knows a copy of a manifest by the uid, and leaves it alone', async () => {
    await prune([serviceYaml('web')]);
    const web = await cli.api.store.get(Service, { namespace: 'shop', name: 'web' });
    const { labels = {}, annotations = {} } = web?.metadata ?? {};
    const recorded = { 'containr.dev/inventory-uid': annotations['containr.dev/inventory-uid'] ?? '' };
    await make(cli.api, Service, service('copy', {}, { labels, annotations: recorded }));
    expect((await prune([serviceYaml('web')])).stdout).toBe('service/web unchanged\n');
    expect(await isGoing('copy')).toBe(false);
  });

  it('keeps what holds data until told otherwise', async () => {
    await prune([serviceYaml('web'), volumeYaml, projectYaml]);
    const { code, stdout, stderr } = await prune([serviceYaml('web')]);
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'service/web unchanged\n' });
    expect(stderr).toContain('volume/data is not pruned: it holds data. --prune-data');
    expect(stderr).toContain('project/fresh is not pruned');
    await prune([serviceYaml('web')], '--prune-data');
    const volume = await cli.api.store.get(Volume, { namespace: 'shop', name: 'data' });
    const project = await cli.api.store.get(Project, { name: 'fresh' });
    expect(volume?.metadata.deletionTimestamp).toBeDefined();
    expect(project === undefined || project.metadata.deletionTimestamp !== undefined).toBe(true);
  });

  it('takes the annotation of an object for the last word on it', async () => {
    const annotated = (yaml: string, name: string, word: string): string =>
      yaml.replace(`{name: ${name},`, `{name: ${name}, annotations: {containr.dev/prune: "${word}"},`);
    await prune([
      serviceYaml('web'),
      annotated(serviceYaml('old'), 'old', 'false'),
      annotated(volumeYaml, 'data', 'true'),
    ]);
    const { stdout, stderr } = await prune([serviceYaml('web')], '--prune-data');
    expect(stdout).toBe('service/web unchanged\nvolume/data pruned\n');
    expect(stderr).toContain('service/old is not pruned: its annotation containr.dev/prune says "false".');
  });

  it.each<[string, string[], number]>([
    ['empty', ['# nothing\n'], 2],
    ['wrong', [serviceYaml('web', '  replica: 2\n')], 2],
    ['refused by the server', [serviceYaml('web').replace('shop', 'nowhere')], 3],
  ])('prunes nothing when the files are %s', async (_, documents, code) => {
    await prune([serviceYaml('old')]);
    expect((await prune(documents)).code).toBe(code);
    expect(await isGoing('old')).toBe(false);
  });

  it('refuses to take what another inventory manages, unless told to', async () => {
    await cli.run('apply', '-f', state([serviceYaml('web')]), '--inventory', 'other');
    const refused = await prune([serviceYaml('web')]);
    expect(refused).toMatchObject({ code: 4, stderr: expect.stringContaining('belongs to the inventory "other"') });
    expect((await prune([serviceYaml('web')], '--force-conflicts')).code).toBe(0);
    expect((await cli.run('apply', '-f', state([serviceYaml('x')]), '--inventory', 'other', '--prune')).stdout).toBe(
      'service/x created\n',
    );
    expect(await isGoing('web')).toBe(false);
  });

  it('asks for the name of the inventory', async () => {
    const file = state([serviceYaml('web')]);
    expect((await cli.run('apply', '-f', file, '--prune')).code).toBe(2);
    expect((await cli.run('apply', '-f', file, '--inventory', 'a b')).code).toBe(2);
    expect((await cli.run('apply', '-f', file, '--inventory', 'a', '--prune-data')).code).toBe(2);
  });
});

describe('containr apply -f of an address', () => {
  let server: Server;
  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });

  async function serve(answer: RequestListener): Promise<string> {
    const { cert, key } = selfSignedCertificate();
    cli.write('ca.pem', cert);
    server = createServer({ cert, key }, answer).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('The server has no port.');
    return `https://127.0.0.1:${address.port}`;
  }

  function applyFrom(url: string): Promise<Ended> {
    return cli.start(['apply', '-f', url], { env: { NODE_EXTRA_CA_CERTS: `${cli.folder}/ca.pem` } }).ended;
  }

  it('reads it like a file, through redirects, and shows it the token of nobody', async () => {
    const seen: (string | undefined)[] = [];
    const url = await serve((request, response) => {
      seen.push(request.headers.authorization);
      if (request.url === '/old') response.writeHead(302, { location: '/web.yaml' }).end();
      else response.end(serviceYaml('web'));
    });
    expect(await applyFrom(`${url}/old`)).toEqual({ code: 0, stdout: 'service/web created\n', stderr: '' });
    expect(seen).toEqual([undefined, undefined]);
  });

  it('refuses what is not encrypted, also when a redirect leads there', async () => {
    const url = await serve((_, response) =>
      response.writeHead(302, { location: 'http://127.0.0.1:1/web.yaml' }).end(),
    );
    expect(await applyFrom('http://127.0.0.1:1/web.yaml')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('https'),
    });
    expect(await applyFrom(url)).toMatchObject({ code: 2, stderr: expect.stringContaining('leads to http://') });
  });

  it('reads no more than a file may have, and says when there is none', async () => {
    const url = await serve((request, response) => {
      if (request.url === '/none') return void response.writeHead(404).end();
      const send = (): void => void (response.destroyed || response.write('#'.repeat(65_536), send));
      send();
    });
    expect(await applyFrom(`${url}/none`)).toMatchObject({ code: 2, stderr: expect.stringContaining('answers 404') });
    expect(await applyFrom(url)).toMatchObject({ code: 2, stderr: expect.stringContaining('larger than 3 MiB') });
  });
});
