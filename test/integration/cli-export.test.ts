import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { make, secret, service } from '../../api/testing/api-fixture.ts';
import { Guest } from '../../crds/guest.ts';
import { Service } from '../../crds/service.ts';
import { Volume } from '../../crds/volume.ts';
import { CliFixture } from './cli-fixture.ts';

let cli: CliFixture;
beforeEach(async () => {
  cli = await CliFixture.create();
});
afterEach(() => cli.dispose());

describe('containr export', () => {
  it('writes what was stated so that an apply of it changes nothing', async () => {
    cli.write('web.json', JSON.stringify(service('web', { replicas: 2 }, { labels: { tier: 'front' } })));
    await cli.run('apply', '-f', 'web.json', '--inventory', 'shop');
    const { code, stdout, stderr } = await cli.run('export', '-n', 'shop');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).not.toMatch(/status:|uid|resourceVersion|managedFields|creationTimestamp|finalizers|inventory/);
    cli.write('shop.yaml', stdout);
    expect(await cli.run('diff', '-f', 'shop.yaml', '--force-conflicts')).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  it('leaves out what loops made or wrote', async () => {
    const owner = await make(cli.api, Service, service('web'));
    const { apiVersion, kind, metadata } = owner;
    const owned = { ownerReferences: [{ apiVersion, kind, name: 'web', uid: metadata.uid, controller: true }] };
    const volume = (name: string, more: object): object => ({
      apiVersion,
      kind: 'Volume',
      metadata: { name, namespace: 'shop', ...more },
      spec: { guest: 'web-1-0' },
    });
    await make(cli.api, Volume, volume('web-data', owned));
    await make(cli.api, Volume, volume('stated', {}));
    const { stdout } = await cli.run('export', '-n', 'shop');
    expect(stdout).toContain('name: stated');
    expect(stdout).not.toContain('web-data');
    expect(stdout).not.toContain('web-1-0');
    expect((await cli.api.store.list(Guest)).items).toEqual([]);
  });

  it('names the keys of secrets in comments, and never a value', async () => {
    cli.write('keys.json', JSON.stringify(secret('keys', { token: 'canary-77' })));
    await cli.run('apply', '-f', 'keys.json');
    const { stdout } = await cli.run('export', '-n', 'shop');
    expect(stdout).toContain('# secret/keys: values of secrets are never shown.');
    expect(stdout).toMatch(/^# {5}token: ""$/m);
    expect(stdout).not.toContain('canary');
    cli.write('shop.yaml', stdout);
    expect((await cli.run('apply', '-f', 'shop.yaml', '--force-conflicts')).stdout).not.toContain('secret');
  });

  it('says what somebody may not see, and that a project is not there', async () => {
    const { code, stderr } = await cli.start(['export', '-n', 'shop'], { as: 'viewer' }).ended;
    expect(code).toBe(0);
    expect(stderr).toContain('secrets are left out: Your role viewer');
    expect((await cli.run('export', '-n', 'nowhere')).code).toBe(3);
    expect((await cli.run('export')).code).toBe(2);
  });
});
