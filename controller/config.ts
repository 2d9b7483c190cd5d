import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import { z } from 'zod';
import { registrationPolicies, type RegistrationPolicy } from './access/account-store.ts';
import { Fault } from './errors.ts';
import { logLevels } from './log.ts';

const whole = (least: number, most: number) => {
  const words = `must be a whole number between ${least} and ${most}`;
  return z
    .string()
    .regex(/^\d+$/, words)
    .transform(Number)
    .refine((number) => number >= least && number <= most, words);
};

const httpUrl = z
  .string()
  .refine(
    (text) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol),
    'must be a URL such as http://10.0.0.2:8080',
  )
  .transform((text) => text.replace(/\/+$/, ''));

const postgresUrl = z
  .string()
  .refine(
    (text) => URL.canParse(text) && /^postgres(ql)?:$/.test(new URL(text).protocol),
    'must be a URL such as postgres://user@host:5432/containr',
  );

const pathList = z
  .string()
  .transform((text) => text.split(':').filter((path) => path !== ''))
  .refine((paths) => paths.every((path) => isAbsolute(path)), 'must be absolute paths, separated by ":"')
  .transform((paths) => paths.map((path) => resolve(path)));

const commaList = z.string().transform((text) =>
  text
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== ''),
);

const originList = commaList.refine(
  (origins) => origins.every((origin) => URL.canParse(origin) && new URL(origin).origin === origin),
  'must be origins such as https://panel.example.com, separated by ","',
);

const storeNames = ['postgres', 'kubernetes'] as const;

const Environment = z.object({
  CONTAINR_DATA_DIR: z.string().optional(),
  CONTAINR_HOST: z
    .string()
    .regex(/^[A-Za-z0-9.:_-]+$/, 'must be an address or a host name')
    .default('127.0.0.1'),
  CONTAINR_PORT: whole(0, 65_535).default(8_080),
  DATABASE_URL: postgresUrl.optional(),
  CONTAINR_STORE: z.enum(storeNames, { error: `must be one of ${storeNames.join(', ')}` }).default('postgres'),
  CONTAINR_KUBECONFIG: z.string().optional(),
  CONTAINR_LOG_LEVEL: z.enum(logLevels, { error: `must be one of ${logLevels.join(', ')}` }).default('info'),
  CONTAINR_ARTIFACT_URL: httpUrl.optional(),
  CONTAINR_ALLOW_LOCAL_REPOSITORIES: pathList.default([]),
  CONTAINR_POLL_INTERVAL_MS: whole(100, 600_000).default(2_000),
  CONTAINR_MAX_REPOSITORY_MIB: whole(1, 1_048_576).default(1_024),
  CONTAINR_LOG_LIMIT_MIB: whole(1, 1_048_576).default(64),
  CONTAINR_KEEP_UNUSED_DAYS: whole(0, 3_650).default(14),
  CONTAINR_TOOL_PATH: pathList.default(['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin']),
  CONTAINR_ADMIN_TOKEN_FILE: z.string().optional(),
  CONTAINR_TLS_CERT_FILE: z.string().optional(),
  CONTAINR_TLS_KEY_FILE: z.string().optional(),
  CONTAINR_REGISTRATION: z
    .enum(registrationPolicies, { error: `must be one of ${registrationPolicies.join(', ')}` })
    .default('first-user'),
  CONTAINR_SESSION_MINUTES: whole(5, 1_440).default(60),
  CONTAINR_SESSION_KEY_DAYS: whole(1, 365).default(30),
  CONTAINR_TRUSTED_PROXIES: commaList.default([]),
  CONTAINR_CORS_ORIGINS: originList.default([]),
  CONTAINR_BUILD_ROOT: z
    .string()
    .refine((path) => isAbsolute(path), 'must be an absolute path')
    .optional(),
  CONTAINR_EXIT_WITH_STDIN: z.enum(['0', '1'], { error: 'must be 0 or 1' }).default('0'),
});

/** How this process is set up. Frozen. */
export interface Config {
  /** `CONTAINR_DATA_DIR`: everything that is kept here; /var/lib/containr for root, else ~/.local/share/containr. */
  readonly dataDir: string;
  /** `CONTAINR_HOST`: the address to listen on; 127.0.0.1 unless told otherwise. */
  readonly host: string;
  /** `CONTAINR_PORT`: 8080; 0 takes a free one. */
  readonly port: number;
  /** `DATABASE_URL`: a PostgreSQL of your own; without it an embedded one under the data folder. Holds a password. */
  readonly databaseUrl: string | undefined;
  /** `CONTAINR_STORE`: where objects and the lease are kept: postgres or kubernetes; postgres. */
  readonly store: (typeof storeNames)[number];
  /** `CONTAINR_KUBECONFIG`: how to reach the Kubernetes API; without it as kubectl does, or as a pod does. */
  readonly kubeconfig: string | undefined;
  /** `CONTAINR_LOG_LEVEL`: trace, debug, info, warn, error, fatal or silent; info. */
  readonly logLevel: (typeof logLevels)[number];
  /** `CONTAINR_ARTIFACT_URL`: where Proxmox nodes reach this server to fetch archives; without it they are uploaded. */
  readonly artifactUrl: string | undefined;
  /** `CONTAINR_ALLOW_LOCAL_REPOSITORIES`: folders, separated by ":", under which repositories may be plain paths; none. */
  readonly allowLocalRepositories: readonly string[];
  /** `CONTAINR_POLL_INTERVAL_MS`: how often each Proxmox cluster is looked at; 2000. */
  readonly pollIntervalMs: number;
  /** `CONTAINR_MAX_REPOSITORY_MIB`: larger repositories are refused; 1024. */
  readonly maxRepositoryMiB: number;
  /** `CONTAINR_LOG_LIMIT_MIB`: how much is kept of the log of each guest and build; 64. */
  readonly logLimitMiB: number;
  /** `CONTAINR_KEEP_UNUSED_DAYS`: archives and images that only the record of a build names are kept so long; 14. */
  readonly keepUnusedDays: number;
  /** `CONTAINR_TOOL_PATH`: folders, separated by ":", in which railpack, nixpacks and docker are looked for; the system's. */
  readonly toolPath: readonly string[];
  /** `CONTAINR_ADMIN_TOKEN_FILE`: where the first administrator's token is written; admin-token in the data folder. */
  readonly adminTokenFile: string;
  /** `CONTAINR_TLS_CERT_FILE` and `CONTAINR_TLS_KEY_FILE`: PEM files to speak HTTPS with; both or none, plain HTTP without. */
  readonly tls: { certFile: string; keyFile: string } | undefined;
  /** `CONTAINR_REGISTRATION`: who may make an account: open, first-user or closed; first-user. */
  readonly registration: RegistrationPolicy;
  /** `CONTAINR_SESSION_MINUTES`: how long a login lasts; 60. */
  readonly sessionMinutes: number;
  /** `CONTAINR_SESSION_KEY_DAYS`: how long one key signs sessions; 30. */
  readonly sessionKeyDays: number;
  /** `CONTAINR_TRUSTED_PROXIES`: addresses or networks, separated by ",", whose X-Forwarded-For is believed; none. */
  readonly trustedProxies: readonly string[];
  /** `CONTAINR_CORS_ORIGINS`: origins, separated by ",", whose pages may call the REST API from a browser; none. */
  readonly corsOrigins: readonly string[];
  /** `CONTAINR_BUILD_ROOT`: the folder below which a `source_path` of the REST API and local repositories may lie; none. */
  readonly buildRoot: string | undefined;
  /** `CONTAINR_EXIT_WITH_STDIN`: 1 ends the process when its standard input closes, for whoever starts it as a child; 0. */
  readonly exitWithStdin: boolean;
}

/**
 * Reads the environment, once, at start: nothing else in the controller does. Throws Invalid that names each variable which
 * is wrong and says what it must be. A variable that is empty counts as not set.
 */
export function readConfig(environment: Readonly<Record<string, string | undefined>> = process.env): Config {
  const present = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
  const read = Environment.safeParse(present);
  if (!read.success) throw wrong(read.error, present);
  const { data } = read;
  const dataDir = resolve(data.CONTAINR_DATA_DIR ?? defaultDataDir());
  return Object.freeze({
    dataDir,
    host: data.CONTAINR_HOST,
    port: data.CONTAINR_PORT,
    databaseUrl: data.DATABASE_URL,
    store: data.CONTAINR_STORE,
    kubeconfig: data.CONTAINR_KUBECONFIG === undefined ? undefined : resolve(data.CONTAINR_KUBECONFIG),
    logLevel: data.CONTAINR_LOG_LEVEL,
    artifactUrl: data.CONTAINR_ARTIFACT_URL,
    allowLocalRepositories: Object.freeze(data.CONTAINR_ALLOW_LOCAL_REPOSITORIES),
    pollIntervalMs: data.CONTAINR_POLL_INTERVAL_MS,
    maxRepositoryMiB: data.CONTAINR_MAX_REPOSITORY_MIB,
    logLimitMiB: data.CONTAINR_LOG_LIMIT_MIB,
    keepUnusedDays: data.CONTAINR_KEEP_UNUSED_DAYS,
    toolPath: Object.freeze(data.CONTAINR_TOOL_PATH),
    adminTokenFile: resolve(data.CONTAINR_ADMIN_TOKEN_FILE ?? join(dataDir, 'admin-token')),
    tls: tlsOf(data.CONTAINR_TLS_CERT_FILE, data.CONTAINR_TLS_KEY_FILE),
    registration: data.CONTAINR_REGISTRATION,
    sessionMinutes: data.CONTAINR_SESSION_MINUTES,
    sessionKeyDays: data.CONTAINR_SESSION_KEY_DAYS,
    trustedProxies: Object.freeze(data.CONTAINR_TRUSTED_PROXIES),
    corsOrigins: Object.freeze(data.CONTAINR_CORS_ORIGINS),
    buildRoot: data.CONTAINR_BUILD_ROOT === undefined ? undefined : resolve(data.CONTAINR_BUILD_ROOT),
    exitWithStdin: data.CONTAINR_EXIT_WITH_STDIN === '1',
  });
}

function tlsOf(certFile: string | undefined, keyFile: string | undefined): Config['tls'] {
  if (certFile !== undefined && keyFile !== undefined)
    return { certFile: resolve(certFile), keyFile: resolve(keyFile) };
  if (certFile === undefined && keyFile === undefined) return undefined;
  const missing = certFile === undefined ? 'CONTAINR_TLS_CERT_FILE' : 'CONTAINR_TLS_KEY_FILE';
  throw new Fault('Invalid', `The environment variable ${missing} is missing; HTTPS needs both certificate and key.`, {
    fields: [{ path: missing, message: 'is required' }],
  });
}

function defaultDataDir(): string {
  return process.getuid?.() === 0 ? '/var/lib/containr' : join(homedir(), '.local', 'share', 'containr');
}

function wrong(error: z.ZodError, present: Readonly<Record<string, string | undefined>>): Fault {
  const fields = error.issues.map(({ path, message }) => ({ path: path.map(String).join('.'), message }));
  const sentences = fields.map(({ path, message }) => {
    // A database URL holds a password.
    const shown = path === 'DATABASE_URL' ? '' : ` is ${JSON.stringify(present[path])}, but`;
    return `The environment variable ${path}${shown} ${message}.`;
  });
  return new Fault('Invalid', sentences.join(' '), { fields, cause: error });
}
