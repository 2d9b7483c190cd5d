import { mkdir, readFile, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { createApp } from '../api/app.ts';
import { createVerifier } from '../api/auth/verifier.ts';
import { startServer } from '../api/server.ts';
import { Secret } from '../crds/secret.ts';
import { createArtifactStore } from '../reconcilers/providers/oci/artifact-store.ts';
import { ensureAdministrator } from './access/first-administrator.ts';
import type { AuditLog } from './access/audit-log.ts';
import { createPostgresAuditLog } from './access/postgres-audit-log.ts';
import { createAuditWriter } from './access/postgres-audit-writer.ts';
import { openAccounts } from './access/open-accounts.ts';
import { systemClock } from './clock.ts';
import { readConfig, type Config } from './config.ts';
import { openObserveMode } from './disaster/observe-mode.ts';
import { lockDataDir } from './data-dir-lock.ts';
import { Fault, isFault } from './errors.ts';
import { createLogger } from './log.ts';
import type { LogStore } from './logs.ts';
import { createManager } from './manager.ts';
import { createMetrics } from './metrics.ts';
import { ownVersion } from './own-version.ts';
import { Probes } from './probes.ts';
import { Redactor } from './redactor.ts';
import { createAgeKeys } from './secrets/age-keys.ts';
import { openKeyring, type Keyring } from './secrets/keyring.ts';
import { createSecretBox } from './secrets/secret-box.ts';
import { connectPostgres } from './store/connect-postgres.ts';
import { startEmbeddedPostgres } from './store/embedded-postgres.ts';
import { stopSignal } from './stop-signal.ts';
import type { LeaseStore } from './store/lease-store.ts';
import { createPostgresLeaseStore } from './store/postgres-lease-store.ts';
import { createPostgresLogStore } from './store/postgres-log-store.ts';
import type { KnownObject } from './store/backend.ts';
import { createPostgresStore } from './store/postgres-store.ts';
import type { ResourceStore } from './store/store.ts';
import { wireLoops } from './wire-loops.ts';

/** The process: config, store, providers, loops, API; ends cleanly on a signal. */
async function main(): Promise<void> {
  const config = readConfig();
  const redactor = new Redactor();
  const log = createLogger({ level: config.logLevel, pretty: process.stderr.isTTY, redactor });
  const lock = lockDataDir(config.dataDir);
  const stop = stopSignal({ withStdin: config.exitWithStdin });
  const stack = new AsyncDisposableStack();
  stack.defer(() => lock.release());
  try {
    await run(config, log, redactor, stop, stack);
  } finally {
    await stack.disposeAsync();
    log.info('stopped');
  }
}

async function run(
  config: Config,
  log: Logger,
  redactor: Redactor,
  stop: AbortSignal,
  stack: AsyncDisposableStack,
): Promise<void> {
  await mkdir(config.dataDir, { recursive: true, mode: 0o700 });
  const clock = systemClock;
  const keyring = await openKeyring(config.dataDir);
  const secrets = createSecretBox(keyring);
  const ages = createAgeKeys(keyring);
  let known: KnownObject = () => undefined;
  const database = await openDatabase(config, log, stack, (kind, key) => known(kind, key));
  await demandKeys(keyring, database.store, config.dataDir);
  let lookAgain: () => void = () => undefined;
  const mode = await openObserveMode({
    sql: database.sql,
    store: database.store,
    storeName: config.store,
    dataDir: config.dataDir,
    clock,
    log,
    onResume: () => lookAgain(),
  });
  const artifacts = createArtifactStore({ dir: join(config.dataDir, 'artifacts'), clock });
  const metrics = createMetrics();
  const access = openAccounts({ config, keyring, sql: database.sql, clock });
  await ensureAdministrator(access.tokens, config.adminTokenFile, log);

  const life = new AbortController();
  stack.defer(() => life.abort());
  const loops = wireLoops({
    config,
    log,
    redactor,
    keyring,
    secrets,
    ages,
    artifacts,
    logs: database.logs,
    metrics,
    life: life.signal,
  });
  stack.defer(() => loops.close());

  const manager = createManager({
    store: database.store,
    leaseStore: database.leases,
    reconcilers: (tools) => loops.make(tools),
    clock,
    log,
    metrics,
    // One process has the data folder, so what held the lease under this name before is gone; elsewhere each start is its own.
    identity:
      config.databaseUrl === undefined && config.store === 'postgres'
        ? `embedded ${hostname()} ${config.dataDir}`
        : `${hostname()} ${process.pid} ${Date.now()}`,
    redact: (text) => redactor.text(text),
    observing: mode.observing,
    tasks: [
      { name: 'trim logs', everyMs: 60_000, run: () => database.logs.trim(config.logLimitMiB * 2 ** 20) },
      {
        name: 'remove archives and images that nothing needs',
        everyMs: 10 * 60_000,
        run: (signal) => loops.sweep(signal),
      },
    ],
  });
  stack.defer(() => manager.stop());
  known = (kind, key) => manager.known(kind, key);
  lookAgain = () => manager.lookAgain();
  manager.start();
  void mode.follow(life.signal);

  const probes = new Probes(clock);
  const answers = async () => (await database.store.currentVersion()) !== '' || 'The store gives no version.';
  // No restart of this process brings an API server back, and a pod would be restarted for as long as it is away.
  if (config.store === 'postgres') probes.addHealthCheck('database', answers);
  else probes.addReadinessCheck('kubernetes', answers);
  probes.addReadinessCheck('cache', () => manager.hasSynced() || 'The first lists of the store are still being read.');
  const closing = new AbortController();
  const app = createApp({
    store: database.store,
    logs: database.logs,
    audit: database.audit,
    access,
    tokens: createVerifier(access),
    trustedProxies: config.trustedProxies,
    rest: { corsOrigins: config.corsOrigins, buildRoot: config.buildRoot },
    secrets,
    sealingKey: () => ages.publicKey(),
    version: ownVersion(),
    installation: mode,
    clock,
    log,
    probes,
    metricsText: () => metrics.registry.metrics(),
    artifacts: {
      key: keyring.derive('artifact urls'),
      pathOf: async (digest) => ((await artifacts.has(digest)) ? artifacts.path(digest) : undefined),
    },
    closing: closing.signal,
  });
  const server = await startServer({
    app,
    host: config.host,
    port: config.port,
    tls: await readTls(config),
    onClosing: () => closing.abort(),
  });
  stack.defer(() => server.close());
  log.info({ url: server.url, dataDir: config.dataDir }, 'serving');

  await new Promise<void>((resolve) =>
    stop.aborted ? resolve() : stop.addEventListener('abort', () => resolve(), { once: true }),
  );
  log.info('stopping');
}

interface Database {
  store: ResourceStore;
  leases: LeaseStore;
  logs: LogStore;
  audit: AuditLog;
  sql: ReturnType<typeof connectPostgres>;
}

async function openDatabase(
  config: Config,
  log: Logger,
  stack: AsyncDisposableStack,
  known: KnownObject,
): Promise<Database> {
  let url = config.databaseUrl;
  if (url === undefined) {
    const embedded = await startEmbeddedPostgres({ dataDir: join(config.dataDir, 'postgres'), log });
    stack.defer(() => embedded.stop());
    ({ url } = embedded);
  }
  const store = await createPostgresStore({ url, log, known });
  stack.defer(() => store.close());
  const sql = connectPostgres(url, { max: 4 });
  stack.defer(() => sql.end({ timeout: 5 }));
  const logs = createPostgresLogStore({ sql, log });
  const rest = { logs, audit: createPostgresAuditLog(sql), sql };
  if (config.store === 'postgres') return { store, leases: createPostgresLeaseStore(sql), ...rest };
  // Only who needs it waits for the client of Kubernetes, which takes its time to load.
  const { openKubernetes } = await import('./store/kubernetes/open-kubernetes.ts');
  const kubernetes = await openKubernetes({
    kubeconfig: config.kubeconfig,
    clock: systemClock,
    audit: createAuditWriter(sql),
    log,
  });
  stack.defer(() => kubernetes.store.close());
  return { ...kubernetes, ...rest };
}

async function readTls({ tls }: Config): Promise<{ cert: string; key: string } | undefined> {
  if (!tls) return undefined;
  const [cert, key] = await Promise.all([readFile(tls.certFile, 'utf8'), readFile(tls.keyFile, 'utf8')]);
  return { cert, key };
}

/** New keys for a store that has Secrets already mean that the old ones are lost: nothing is started that would make it worse. */
async function demandKeys(keyring: Keyring, store: Database['store'], dataDir: string): Promise<void> {
  if (!keyring.created || (await store.list(Secret, { limit: 1 })).items.length === 0) return;
  await rm(join(dataDir, 'keys.json'), { force: true });
  throw new Fault(
    'Denied',
    `The database holds Secrets, and ${join(dataDir, 'keys.json')} is missing. Restore it from a backup; without it the values are lost.`,
  );
}

try {
  await main();
  // Nothing is left to do; what still holds a socket open must not hold the process.
  process.exit(0);
} catch (error) {
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`containr server: ${message}\n`);
  if (!isFault(error) && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  process.exit(1);
}
