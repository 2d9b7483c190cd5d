import { describe, expect, it } from 'vitest';
import { readConfig } from './config.ts';
import { isFault } from './errors.ts';

function problemOf(environment: Record<string, string>): string {
  try {
    readConfig(environment);
  } catch (error) {
    if (isFault(error, 'Invalid')) return error.message;
    throw error;
  }
  return 'none';
}

describe('readConfig', () => {
  it('has a default for everything', () => {
    const config = readConfig({});
    expect(config).toMatchObject({
      host: '127.0.0.1',
      port: 8_080,
      databaseUrl: undefined,
      logLevel: 'info',
      artifactUrl: undefined,
      allowLocalRepositories: [],
      pollIntervalMs: 2_000,
      maxRepositoryMiB: 1_024,
      logLimitMiB: 64,
      registration: 'first-user',
      sessionMinutes: 60,
      sessionKeyDays: 30,
      trustedProxies: [],
    });
    expect(config.adminTokenFile).toBe(`${config.dataDir}/admin-token`);
  });

  it('reads every variable', () => {
    const config = readConfig({
      CONTAINR_DATA_DIR: '/srv/containr/',
      CONTAINR_HOST: '::1',
      CONTAINR_PORT: '0',
      DATABASE_URL: 'postgres://app:pw@db:5432/containr',
      CONTAINR_STORE: 'kubernetes',
      CONTAINR_KUBECONFIG: '/srv/kubeconfig',
      CONTAINR_LOG_LEVEL: 'debug',
      CONTAINR_ARTIFACT_URL: 'http://10.0.0.2:8080/',
      CONTAINR_ALLOW_LOCAL_REPOSITORIES: '/srv/git:/home/git/',
      CONTAINR_POLL_INTERVAL_MS: '500',
      CONTAINR_MAX_REPOSITORY_MIB: '10',
      CONTAINR_LOG_LIMIT_MIB: '1',
      CONTAINR_KEEP_UNUSED_DAYS: '3',
      CONTAINR_TOOL_PATH: '/opt/tools:/usr/bin/',
      CONTAINR_ADMIN_TOKEN_FILE: '/run/token',
      CONTAINR_REGISTRATION: 'closed',
      CONTAINR_SESSION_MINUTES: '15',
      CONTAINR_SESSION_KEY_DAYS: '7',
      CONTAINR_TRUSTED_PROXIES: '10.0.0.5, fd00::/8',
      CONTAINR_CORS_ORIGINS: 'https://panel.example.com, http://localhost:3000',
      CONTAINR_BUILD_ROOT: '/srv/builds/',
      CONTAINR_EXIT_WITH_STDIN: '1',
    });
    expect(config).toEqual({
      dataDir: '/srv/containr',
      host: '::1',
      port: 0,
      databaseUrl: 'postgres://app:pw@db:5432/containr',
      store: 'kubernetes',
      kubeconfig: '/srv/kubeconfig',
      logLevel: 'debug',
      artifactUrl: 'http://10.0.0.2:8080',
      allowLocalRepositories: ['/srv/git', '/home/git'],
      pollIntervalMs: 500,
      maxRepositoryMiB: 10,
      logLimitMiB: 1,
      keepUnusedDays: 3,
      toolPath: ['/opt/tools', '/usr/bin'],
      adminTokenFile: '/run/token',
      tls: undefined,
      registration: 'closed',
      sessionMinutes: 15,
      sessionKeyDays: 7,
      trustedProxies: ['10.0.0.5', 'fd00::/8'],
      corsOrigins: ['https://panel.example.com', 'http://localhost:3000'],
      buildRoot: '/srv/builds',
      exitWithStdin: true,
    });
    expect(Object.isFrozen(config)).toBe(true);
  });

  it('takes an empty variable for one that is not set', () => {
    expect(readConfig({ CONTAINR_PORT: '', DATABASE_URL: '' })).toEqual(readConfig({}));
  });

  it.each([
    [
      { CONTAINR_PORT: '80a' },
      'The environment variable CONTAINR_PORT is "80a", but must be a whole number between 0 and 65535.',
    ],
    [
      { CONTAINR_PORT: '65536' },
      'The environment variable CONTAINR_PORT is "65536", but must be a whole number between 0 and 65535.',
    ],
    [
      { CONTAINR_ALLOW_LOCAL_REPOSITORIES: 'git' },
      'The environment variable CONTAINR_ALLOW_LOCAL_REPOSITORIES is "git", but must be absolute paths, separated by ":".',
    ],
    [
      { CONTAINR_ARTIFACT_URL: 'ftp://x' },
      'The environment variable CONTAINR_ARTIFACT_URL is "ftp://x", but must be a URL such as http://10.0.0.2:8080.',
    ],
  ])('names the variable that is wrong: %j', (environment, problem) => {
    expect(problemOf(environment)).toBe(problem);
  });

  it('names every variable that is wrong', () => {
    const problem = problemOf({ CONTAINR_PORT: 'x', CONTAINR_LOG_LEVEL: 'loud' });
    expect(problem).toContain('CONTAINR_PORT');
    expect(problem).toContain('CONTAINR_LOG_LEVEL is "loud", but must be one of trace, debug');
  });

  it('does not show a database URL, which may hold a password', () => {
    expect(problemOf({ DATABASE_URL: 'mysql://root:hunter2@db' })).toBe(
      'The environment variable DATABASE_URL must be a URL such as postgres://user@host:5432/containr.',
    );
  });

  it('takes certificate and key together or not at all', () => {
    const files = { CONTAINR_TLS_CERT_FILE: '/etc/tls/cert.pem', CONTAINR_TLS_KEY_FILE: '/etc/tls/key.pem' };
    expect(readConfig(files).tls).toEqual({ certFile: '/etc/tls/cert.pem', keyFile: '/etc/tls/key.pem' });
    expect(() => readConfig({ CONTAINR_TLS_CERT_FILE: '/etc/tls/cert.pem' })).toThrow(
      'CONTAINR_TLS_KEY_FILE is missing',
    );
  });
});
