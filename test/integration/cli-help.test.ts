import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildProgram } from '../../cli/program.ts';
import { allKinds } from '../../crds/kinds.ts';
import { CliFixture, type Ended } from './cli-fixture.ts';

let cli: CliFixture;
beforeAll(async () => {
  cli = await CliFixture.create();
});
afterAll(() => cli.dispose());

const offline = (...parameters: string[]): Promise<Ended> =>
  cli.start(parameters, { env: { CONTAINR_URL: '', CONTAINR_TOKEN: '' } }).ended;

describe('containr explain', () => {
  it('tells what a field is for, its type and its default, without a server', async () => {
    const { code, stdout } = await offline('explain', 'svc.spec.rollout.maxSurge');
    expect(code).toBe(0);
    expect(stdout).toContain('FIELD:    spec.rollout.maxSurge <whole number');
    expect(stdout).toContain('default ');
    expect(stdout).toContain('Guests above the number of replicas while rolling.');
  });

  it('lists what is in a kind or a field, with lists written plainly', async () => {
    expect((await offline('explain', 'service.spec.ports')).stdout).toMatch(/^ {4}port <whole number .*required>$/m);
    expect((await offline('explain', 'service.spec.ports[].port')).code).toBe(0);
    expect((await offline('explain', 'project', '--recursive')).stdout).toMatch(/^ {8}role </m);
  });

  it('suggests the field or lists the kinds that were meant', async () => {
    const field = await offline('explain', 'service.spec.rolout');
    expect(field).toMatchObject({ code: 3, stderr: expect.stringContaining('Did you mean "spec.rollout"?') });
    expect(await offline('explain', 'servce')).toMatchObject({ code: 2, stderr: expect.stringContaining('services') });
  });
});

describe('containr api-resources', () => {
  it('shows every kind with the names it goes by', async () => {
    const { stdout } = await offline('api-resources', '--no-headers');
    expect(stdout.trim().split('\n')).toHaveLength(allKinds.length);
    expect(stdout).toMatch(/^services +svc +containr\.dev\/v1alpha1 +true +Service$/m);
  });
});

describe('containr completion', () => {
  it('knows every command, its options, and the kinds', async () => {
    cli.write('completion.sh', (await offline('completion', 'bash')).stdout);
    const complete = async (...words: string[]): Promise<string[]> => {
      const script = `source ./completion.sh; COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}; _containr; echo "\${COMPREPLY[@]}"`;
      return (await cli.shell(script)).stdout.trim().split(' ');
    };
    expect(await complete('containr', 'rollout', 'un')).toEqual(['undo']);
    expect(await complete('containr', '--context', 'home', 'get', 'ser')).toEqual(['service']);
    expect(await complete('containr', 'apply', '--pru')).toEqual(['--prune', '--prune-data']);
    expect(await complete('containr', 'completion', '')).toEqual(expect.arrayContaining(['bash', 'zsh', 'fish']));
    const { commands } = buildProgram({ say: () => undefined, end: () => undefined, outliveReader: () => undefined });
    expect(await complete('containr', '')).toEqual(expect.arrayContaining(commands.map((command) => command.name())));
  });

  it('speaks zsh and fish, and no other shell', async () => {
    expect((await offline('completion', 'zsh')).stdout).toMatch(/^#compdef containr\n/);
    expect((await offline('completion', 'fish')).stdout).toContain("-n '__containr_at rollout' -a 'undo'");
    expect((await offline('completion', 'cmd')).code).toBe(2);
  });
});

describe('containr auth', () => {
  const canI = (as: string, ...words: string[]): Promise<Ended> => cli.start(['auth', 'can-i', ...words], { as }).ended;

  it('answers yes with 0, and no with 1 and the reason', async () => {
    expect(await canI('dev', 'create', 'services', '-n', 'shop')).toEqual({ code: 0, stdout: 'yes\n', stderr: '' });
    const refused = await canI('viewer', 'delete', 'svc/web', '-n', 'shop');
    expect(refused).toMatchObject({ code: 1, stdout: expect.stringMatching(/^no - Your role viewer may not delete/) });
    expect(await canI('viewer', 'delete', 'svc', '-n', 'shop', '-q')).toMatchObject({ code: 1, stdout: '' });
  });

  it('asks about subresources, about everything, and over all projects', async () => {
    expect((await canI('dev', 'patch', 'svc/web', '-n', 'shop', '--subresource', 'scale')).code).toBe(0);
    expect((await canI('admin', '*', '*')).code).toBe(0);
    expect((await canI('dev', '*', '*')).code).toBe(1);
    expect((await canI('viewer', 'list', 'services')).code).toBe(0);
    expect((await canI('viewer', 'create', 'services')).code).toBe(2);
  });

  it('says who one is', async () => {
    const { stdout } = await cli.start(['auth', 'whoami'], { as: 'dev-read' }).ended;
    expect(stdout).toMatch(/^User: +dev@example\.com$/m);
    expect(stdout).toMatch(/^Token scope: +read$/m);
  });
});
