import { describe, expect, it } from 'vitest';
import { gitCredentials, registryCredentials, registryLogins } from './credentials.ts';

describe('gitCredentials', () => {
  it.each([
    [{}, undefined],
    [{ token: 't' }, { kind: 'token', token: 't' }],
    [{ password: 'p' }, { kind: 'basic', username: 'git', password: 'p' }],
    [
      { username: 'u', password: 'p' },
      { kind: 'basic', username: 'u', password: 'p' },
    ],
    [{ sshKey: 'k' }, { kind: 'sshKey', key: 'k' }],
    [
      { sshKey: 'k', knownHosts: 'h', token: 't' },
      { kind: 'sshKey', key: 'k', knownHosts: 'h' },
    ],
  ])('reads %j', (secret, expected) => {
    expect(gitCredentials(secret)).toEqual(expected);
  });

  it('refuses a Secret that has other keys only, and names those it takes', () => {
    expect(() => gitCredentials({ passphrase: 'x' })).toThrow(/token, password or sshKey/);
  });
});

const hub = { username: 'h', password: 'p:w' };
const ghcr = { username: 'g', password: 'x' };
const dockerConfig = JSON.stringify({
  auths: {
    'https://index.docker.io/v1/': { auth: Buffer.from('h:p:w').toString('base64') },
    'ghcr.io': ghcr,
    'nothing.example': {},
  },
});

describe('registryCredentials', () => {
  it.each([
    [{}, undefined],
    [{ username: 'u' }, undefined],
    [
      { username: 'u', password: 'p', token: 't' },
      { username: 'u', password: 'p' },
    ],
    [{ token: 't' }, { username: 'token', password: 't' }],
  ])('reads %j', (secret, expected) => {
    expect(registryCredentials(secret, 'ghcr.io/shop/web:1')).toEqual(expected);
  });

  it.each([
    ['nginx', hub],
    ['shop/web:1', hub],
    ['docker.io/shop/web', hub],
    ['ghcr.io/shop/web@sha256:00', ghcr],
    ['nothing.example/x', undefined],
    ['localhost:5000/x', undefined],
  ])('takes the login of the registry that %s comes from', (image, expected) => {
    expect(registryCredentials({ '.dockerconfigjson': dockerConfig }, image)).toEqual(expected);
  });
});

describe('registryLogins', () => {
  it('shows no registry the password of a repository', () => {
    expect(registryLogins({ username: 'u', password: 'p', token: 't' })).toEqual({});
  });

  it('leaves a public repository public whose base images are not', () => {
    expect(gitCredentials({ '.dockerconfigjson': dockerConfig })).toBeUndefined();
    expect(registryLogins({ '.dockerconfigjson': dockerConfig })).toEqual({ 'docker.io': hub, 'ghcr.io': ghcr });
  });

  it('refuses what docker login never wrote, without repeating it', () => {
    expect(() => registryLogins({ '.dockerconfigjson': 'hunter2' })).toThrow(/Correct it/);
    expect(() => registryLogins({ '.dockerconfigjson': 'hunter2' })).not.toThrow(/hunter2/);
  });
});
