import { createServer } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CliFixture, serviceYaml } from './cli-fixture.ts';

let cli: CliFixture;
beforeAll(async () => {
  cli = await CliFixture.create();
  cli.write('web.yaml', serviceYaml('web'));
});
afterAll(() => cli.dispose());

describe('the exit code of containr', () => {
  it.each<[number, string, string[]]>([
    [0, 'help', ['--help']],
    [0, 'help of a command', ['apply', '--help']],
    [0, 'versions', ['version']],
    [0, 'an empty list', ['get', 'builders']],
    [1, 'a difference', ['apply', '-f', 'web.yaml', '--dry-run=server', '--exit-code']],
    [2, 'no command', []],
    [2, 'an unknown command', ['gte']],
    [2, 'an unknown option', ['get', 'services', '--frob']],
    [2, 'an unknown kind', ['get', 'frobs', '-A']],
    [2, 'an unknown output', ['get', 'projects', '-o', 'frob']],
    [2, 'a path that cannot be read', ['get', 'projects', '-o', 'jsonpath={.a[}']],
    [2, 'no project for a kind that lives in one', ['get', 'services']],
    [2, 'no project in describe', ['describe', 'service/web']],
    [2, 'no project in logs', ['logs', 'service/web']],
    [2, 'no project in wait', ['wait', 'service/web', '--for=create']],
    [2, 'no project in reconcile', ['reconcile', 'service/web']],
    [2, 'a name and -A', ['get', 'service/web', '-A']],
    [2, 'something that has no log', ['logs', 'project/shop']],
    [2, 'a goal that is none', ['wait', 'project/shop', '--for=ready']],
    [2, 'a duration that is none', ['wait', 'project/shop', '--for=create', '--timeout', 'soon']],
    [2, 'nothing to delete', ['delete']],
    [2, 'a selector that cannot be read', ['get', 'services', '-A', '-l', '=x']],
    [2, 'a column that is none', ['get', 'projects', '--sort-by', 'frob']],
    [2, 'an address that is none', ['login', 'nowhere']],
    [2, 'a port that is none', ['server', '--port', 'x']],
    [3, 'an object that is not there', ['get', 'service/none', '-n', 'shop']],
    [3, 'to describe what is not there', ['describe', 'service/none', '-n', 'shop']],
    [3, 'the log of what is not there', ['logs', 'service/none', '-n', 'shop']],
    [3, 'to watch what is not there', ['get', 'service/none', '-n', 'shop', '-w']],
    [3, 'a context that is not there', ['get', 'projects', '--context', 'none']],
    [6, 'what does not come', ['wait', 'builder/b', '--for=create', '--timeout', '300ms']],
  ])('is %i for %s', async (code, _, parameters) => {
    const ended = await cli.run(...parameters);
    expect(ended.stderr).not.toMatch(/^\s+at \S+ \(|^\s+at file:|not expected/m);
    expect(ended.code).toBe(code);
    if (code > 1) expect(ended.stderr).not.toBe('');
  });

  it('is 5 for who may not, and for who is not known', async () => {
    const write = await cli.start(['apply', '-f', 'web.yaml'], { as: 'viewer' }).ended;
    const unknown = await cli.start(['get', 'projects'], { as: 'nobody' }).ended;
    expect([write.code, unknown.code]).toEqual([5, 5]);
    expect(unknown.stderr).toContain('containr login');
  });

  it('is 7 when no server answers, or something else does', async () => {
    const away = await cli.start(['get', 'projects'], { env: { CONTAINR_URL: 'http://127.0.0.1:1' } }).ended;
    expect(away).toMatchObject({ code: 7, stdout: '' });
    expect(away.stderr).toBe(
      'containr: The server at http://127.0.0.1:1 does not answer. Is it running, and is the address right? (bad port)\n',
    );
    const other = createServer((_, response) => response.end('<html>'));
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const address = other.address();
    const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
    const stranger = await cli.start(['get', 'projects'], { env: { CONTAINR_URL: url } }).ended;
    other.close();
    expect(stranger).toMatchObject({
      code: 7,
      stderr: `containr: What answers at ${url} is not Containr. Check the address.\n`,
    });
  });

  it('says where a failure happened only when asked', async () => {
    const { ended } = cli.start(['get', 'frobs'], { env: { CONTAINR_DEBUG: '1' } });
    expect((await ended).stderr).toMatch(/^\s+at /m);
  });

  it('shows examples in the help of what takes something', async () => {
    for (const name of ['apply', 'get', 'describe', 'wait', 'delete', 'logs', 'events', 'login', 'server', 'dev'])
      expect((await cli.run(name, '--help')).stdout).toMatch(/Examples?:\n {2}/);
  });
});
