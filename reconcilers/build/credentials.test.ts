import { describe, expect, it } from 'vitest';
import { gitCredentials, registryCredentials } from './credentials.ts';

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
    expect(registryCredentials(secret)).toEqual(expected);
  });
});
