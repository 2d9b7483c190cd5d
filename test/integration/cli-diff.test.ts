import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Service } from '../../crds/service.ts';
import { CliFixture, serviceYaml } from './cli-fixture.ts';

let cli: CliFixture;
beforeEach(async () => {
  cli = await CliFixture.create();
});
afterEach(() => cli.dispose());

const secretYaml = (value: string): string => `apiVersion: containr.dev/v1alpha1
kind: Secret
metadata: {name: keys, namespace: shop}
spec: {data: {token: ${value}, other: stays}}
`;

describe('containr diff', () => {
  it('shows only what would change, and ends with 1', async () => {
    await cli.run('apply', '-f', cli.write('web.yaml', serviceYaml('web', '  replicas: 2\n')));
    const file = cli.write('web.yaml', serviceYaml('web', '  replicas: 3\n'));
    const { code, stdout, stderr } = await cli.run('diff', '-f', file);
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
    expect(stdout.split('\n').slice(0, 3)).toEqual([
      'diff -u live/shop/service/web applied/shop/service/web',
      '--- live/shop/service/web',
      '+++ applied/shop/service/web',
    ]);
    expect(stdout.split('\n').filter((line) => /^[-+] /.test(line))).toEqual(['-  replicas: 2', '+  replicas: 3']);
    expect((await cli.api.store.get(Service, { namespace: 'shop', name: 'web' }))?.spec.replicas).toBe(2);
  });

  it('says nothing and ends with 0 when all is as it should be, also for another manager', async () => {
    const file = cli.write('web.yaml', serviceYaml('web'));
    await cli.run('apply', '-f', file);
    expect(await cli.run('diff', '-f', file)).toEqual({ code: 0, stdout: '', stderr: '' });
    expect((await cli.run('diff', '-f', file, '--field-manager', 'somebody')).code).toBe(0);
  });

  it('shows what would be new as a whole, also in a project that is yet to be made', async () => {
    const fresh = 'apiVersion: containr.dev/v1alpha1\nkind: Project\nmetadata: {name: fresh}\n';
    const service = serviceYaml('web').replace('shop', 'fresh');
    const { code, stdout } = await cli.run('diff', '-f', cli.write('fresh.yaml', `${service}---\n${fresh}`));
    expect(code).toBe(1);
    expect(stdout).toContain('diff -u /dev/null applied/project/fresh');
    expect(stdout).toContain('+++ applied/fresh/service/web');
    expect(stdout).toContain('+    image: nginx:1.29');
  });

  it('shows that the value of a secret differs, and never the value', async () => {
    await cli.run('apply', '-f', cli.write('keys.yaml', secretYaml('canary-old')));
    expect((await cli.run('diff', '-f', 'keys.yaml')).code).toBe(0);
    cli.write('keys.yaml', secretYaml('canary-new'));
    const { code, stdout, stderr } = await cli.run('diff', '-f', 'keys.yaml');
    expect(code).toBe(1);
    expect(stdout).toMatch(/^-    token: \(hidden, digest \S+\)\n\+    token: \(hidden, digest \S+\)$/m);
    expect(stdout).toMatch(/^     other: \(hidden, digest \S+\)$/m);
    expect(stdout + stderr).not.toContain('canary');
    const unmade = cli.write(
      'unmade.yaml',
      `apiVersion: containr.dev/v1alpha1\nkind: Project\nmetadata: {name: fresh}\n---\n${secretYaml('canary-new').replace('shop', 'fresh')}`,
    );
    const planned = await cli.run('diff', '-f', unmade);
    expect(planned.stdout).toContain('+    token: (hidden)');
    expect(planned.stdout).not.toContain('canary');
  });

  it('ends with another code than 1 when it cannot tell', async () => {
    expect((await cli.run('diff', '-f', 'missing.yaml')).code).toBe(2);
    expect((await cli.run('diff', '-f', cli.write('bad.yaml', serviceYaml('web', '  replica: 1\n')))).code).toBe(2);
    const owned = cli.write('web.yaml', serviceYaml('web', '  replicas: 1\n'));
    await cli.run('apply', '-f', owned, '--field-manager', 'autoscaler');
    cli.write('web.yaml', serviceYaml('web', '  replicas: 3\n'));
    const refused = await cli.run('diff', '-f', 'web.yaml');
    expect(refused.code).toBe(4);
    expect(refused.stderr).toContain('conflict with "autoscaler"');
    expect((await cli.run('diff', '-f', 'web.yaml', '--force-conflicts')).code).toBe(1);
  });

  it('shows what would be pruned', async () => {
    const file = cli.write('all.yaml', `${serviceYaml('web')}---\n${serviceYaml('old')}`);
    await cli.run('apply', '-f', file, '--inventory', 'shop');
    cli.write('all.yaml', serviceYaml('web'));
    expect((await cli.run('diff', '-f', file)).code).toBe(0);
    const { code, stdout } = await cli.run('diff', '-f', file, '--prune', '--inventory', 'shop');
    expect(code).toBe(1);
    expect(stdout).toContain('diff -u live/shop/service/old /dev/null');
    expect(stdout).not.toContain('service/web');
  });
});
