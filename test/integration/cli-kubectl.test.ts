import { execFileSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { make, service } from '../../api/testing/api-fixture.ts';
import { serveShop, type Served } from '../../api/testing/served.ts';
import { Service } from '../../crds/service.ts';
import { containr, startCommand, type Ended } from './cli-fixture.ts';

function hasKubectl(): boolean {
  try {
    execFileSync('kubectl', ['version', '--client'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

const present = hasKubectl();
let served: Served;
beforeAll(async () => {
  served = await serveShop();
});
afterAll(() => served.close());

function run(words: readonly string[], env: Record<string, string> = {}): Promise<Ended> {
  const environment = { PATH: process.env['PATH'] ?? '', HOME: served.folder, ...env };
  return startCommand(words, { env: environment, cwd: served.folder }).ended;
}

function kubeconfig(as: string, ...more: string[]): Promise<Ended> {
  const words = [containr, 'kubeconfig', '--certificate-authority', 'ca.pem', ...more];
  return run(words, { CONTAINR_URL: served.url, CONTAINR_TOKEN: as });
}

describe('containr kubeconfig', () => {
  it('writes a file for its owner alone, and over another only when told so', async () => {
    const written = await kubeconfig('viewer', '--write', 'own');
    expect(written).toMatchObject({ code: 0, stdout: '', stderr: expect.stringContaining('KUBECONFIG=own') });
    expect(statSync(join(served.folder, 'own')).mode & 0o777).toBe(0o600);
    expect((await kubeconfig('viewer', '--write', 'own')).code).toBe(2);
    expect((await kubeconfig('viewer', '--write', 'own', '--force')).code).toBe(0);
  });

  it('says that kubectl shows no token to a server without TLS', async () => {
    const words = [containr, 'kubeconfig'];
    const { stdout, stderr } = await run(words, { CONTAINR_URL: 'http://127.0.0.1:8080', CONTAINR_TOKEN: 'x' });
    expect(stdout).toContain('server: http://127.0.0.1:8080');
    expect(stderr).toContain('is not encrypted');
  });

  it('refuses a file that holds no certificate', async () => {
    const { code, stderr } = await run([containr, 'kubeconfig', '--certificate-authority', 'missing.pem'], {
      CONTAINR_URL: served.url,
      CONTAINR_TOKEN: 'x',
    });
    expect({ code, said: stderr.includes('missing.pem cannot be read') }).toEqual({ code: 2, said: true });
  });
});

const title = `kubectl with that file${present ? '' : ' (skipped: there is no kubectl on this machine)'}`;

describe.skipIf(!present)(title, () => {
  beforeAll(async () => {
    await kubeconfig('admin', '--write', 'admin', '-n', 'shop');
    await kubeconfig('viewer', '--write', 'viewer', '-n', 'shop');
    await make(served.api, Service, service('web'));
  });

  const kubectl = (as: string, ...words: string[]): Promise<Ended> =>
    run(['kubectl', ...words], { KUBECONFIG: join(served.folder, as) });

  async function replicas(): Promise<number | undefined> {
    return (await served.api.store.get(Service, { namespace: 'shop', name: 'web' }))?.spec.replicas;
  }

  it('answers auth can-i and whoami', async () => {
    expect(await kubectl('viewer', 'auth', 'can-i', 'list', 'services')).toEqual({
      code: 0,
      stdout: 'yes\n',
      stderr: '',
    });
    expect(await kubectl('viewer', 'auth', 'can-i', 'create', 'svc')).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/^no - Your role viewer/),
    });
    expect(await kubectl('admin', 'auth', 'can-i', '*', '*', '-A')).toMatchObject({ code: 0 });
    expect((await kubectl('viewer', 'auth', 'whoami')).stdout).toContain('viewer@example.com');
  });

  it('scales', async () => {
    expect(await kubectl('admin', 'scale', 'service.containr.dev/web', '--replicas=3')).toMatchObject({
      code: 0,
      stderr: '',
    });
    expect(await replicas()).toBe(3);
    expect((await kubectl('admin', 'scale', 'svc/web', '--current-replicas=7', '--replicas=1')).code).toBe(1);
    expect((await kubectl('viewer', 'scale', 'svc/web', '--replicas=1')).stderr).toContain('Your role viewer');
    expect(
      (await kubectl('admin', 'get', 'svc', 'web', '--subresource=scale', '-o', 'jsonpath={.spec.replicas}')).stdout,
    ).toBe('3');
    expect(await replicas()).toBe(3);
  });

  it('reads raw paths, and explains the fields below a list', async () => {
    const raw = await kubectl('admin', 'get', '--raw', '/apis/containr.dev/v1alpha1/namespaces/shop/services/web');
    expect(JSON.parse(raw.stdout)).toMatchObject({ kind: 'Service', metadata: { name: 'web' } });
    expect((await kubectl('admin', 'explain', 'services.spec.ports.port')).stdout).toContain('Number of the port.');
  });

  it('lists the reviews among the resources', async () => {
    const { stdout } = await kubectl('admin', 'api-resources', '--no-headers');
    expect(stdout).toMatch(/^selfsubjectaccessreviews +authorization\.k8s\.io\/v1 +false +SelfSubjectAccessReview$/m);
  });
});
