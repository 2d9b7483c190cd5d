import { statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { as, register } from '../../api/testing/people.ts';
import { CliFixture } from './cli-fixture.ts';

const ann = { email: 'ann@example.com', password: 'correct horse', name: 'Ann' };
const bob = { email: 'bob@example.com', password: 'battery staple', name: 'Bob' };
const fromFile = { CONTAINR_URL: '', CONTAINR_TOKEN: '' };

let cli: CliFixture;
beforeAll(async () => {
  cli = await CliFixture.create();
  for (const person of [ann, bob]) expect((await register(cli.api, person)).status).toBe(201);
});
afterAll(() => cli.dispose());

function run(context: string, parameters: string[], input = '') {
  return cli.start(['--context', context, ...parameters], { input, env: fromFile }).ended;
}

describe('containr login --email', () => {
  it('keeps a token for the password, readable by nobody else, with what the account may', async () => {
    const ended = await run('ann', ['login', cli.url, '--email', 'Ann@example.com'], `${ann.password}\n`);
    expect(ended).toMatchObject({ code: 0, stderr: '', stdout: expect.stringContaining('context "ann"') });
    expect(statSync(join(cli.folder, 'config', 'contexts.json')).mode & 0o777).toBe(0o600);
    expect((await run('ann', ['get', 'projects', '-o', 'name'])).stdout).toBe('project/other\nproject/shop\n');
    expect((await run('bob', ['login', cli.url, '--email', bob.email], bob.password)).code).toBe(0);
    expect((await run('bob', ['get', 'projects', '-o', 'name'])).stdout).toBe('');
    const listed = await run('bob', ['token', 'list']);
    expect(listed.stdout).toMatch(/^ID +NAME +SCOPE +AGE +USED +EXPIRES\n\S+ +containr login .* write /);
  });

  it('says that the password is wrong, and keeps nothing', async () => {
    const ended = await run('wrong', ['login', cli.url, '--email', ann.email], 'wrong horse');
    expect(ended).toMatchObject({ code: 5, stdout: '', stderr: expect.stringContaining('password is wrong.\n') });
    expect(ended.stderr).not.toContain('wrong horse');
    expect((await run('wrong', ['get', 'projects'])).code).toBe(3);
    expect((await run('wrong', ['login', cli.url, '--email', ann.email])).code).toBe(2);
    expect((await run('wrong', ['login', cli.url, '--email', ann.email, '--token-file', 'x'])).code).toBe(2);
  });
});

describe('containr token', () => {
  it('makes a token that goes into a file, lists it, and revokes it by its name', async () => {
    const made = await run('ann', ['token', 'create', 'ci', '--scope', 'read', '--expires', '90d']);
    expect(made).toMatchObject({ code: 0, stdout: expect.stringMatching(/^ctr_[\w-]{43}\n$/) });
    expect(made.stderr).toContain('"ci"');
    const asCi = as(made.stdout.trim());
    expect((await cli.api.ask('GET', '/api/v1/user/profile', asCi)).status).toBe(200);
    const { stdout } = await run('ann', ['token', 'list']);
    expect(stdout).toMatch(/ ci +read +\d+s +\d+s +\d{4}-\d\d-\d\d\n/);
    expect(stdout).not.toContain('ctr_');
    expect((await run('ann', ['token', 'create', 'ci'])).code).toBe(4);
    expect((await run('ann', ['token', 'revoke', 'ci'])).stdout).toBe('Revoked the token "ci".\n');
    expect((await cli.api.ask('GET', '/api/v1/user/profile', asCi)).status).toBe(401);
    expect((await run('ann', ['token', 'revoke', 'ci'])).code).toBe(3);
    const { code, stderr } = await run('ann', ['token', 'revoke', made.stdout.trim()]);
    expect([code, stderr.includes(made.stdout.trim())]).toEqual([2, false]);
  });

  it('gives administration to administrators only', async () => {
    expect((await run('bob', ['token', 'create', 'root', '--scope', 'admin'])).code).toBe(5);
    expect((await run('bob', ['token', 'list', '--all'])).code).toBe(5);
    const all = await run('ann', ['token', 'list', '--all']);
    expect(all.stdout).toContain('bob@example.com');
  });

  it('logs out when no token is named', async () => {
    expect((await run('bob', ['token', 'revoke'])).code).toBe(0);
    expect((await run('bob', ['get', 'projects'])).code).toBe(5);
  });
});

describe('containr password', () => {
  it('changes the password, given the present one', async () => {
    expect((await run('ann', ['password'], 'wrong horse\nanother horse\n')).code).toBe(2);
    expect((await run('ann', ['password'], `${ann.password}\n`)).code).toBe(2);
    expect((await run('ann', ['password'], `${ann.password}\nanother horse\n`)).code).toBe(0);
    expect((await run('ann', ['get', 'projects'])).code).toBe(0);
    expect((await run('new', ['login', cli.url, '--email', ann.email], 'another horse')).code).toBe(0);
    expect((await run('old', ['login', cli.url, '--email', ann.email], ann.password)).code).toBe(5);
  });
});
