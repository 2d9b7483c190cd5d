import { mkdir, readFile, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { createApp } from '../api/app.ts';
import { signArtifactUrl } from '../api/artifacts.ts';
import { startServer } from '../api/server.ts';
import { Build } from '../crds/build.ts';
import { Builder } from '../crds/builder.ts';
import type { Resource } from '../crds/define-kind.ts';
import { Deployment } from '../crds/deployment.ts';
import { Guest } from '../crds/guest.ts';
import { SYSTEM_NAMESPACE } from '../crds/meta.ts';
import { Project } from '../crds/project.ts';
import { ProxmoxCluster } from '../crds/proxmox-cluster.ts';
import { Secret } from '../crds/secret.ts';
import { Service } from '../crds/service.ts';
import { readInitBinary } from '../guest/init-binary.ts';
import { buildReconciler } from '../reconcilers/build/reconciler.ts';
import { sweepArtifacts } from '../reconcilers/build/sweep.ts';
import { builderReconciler } from '../reconcilers/builder/reconciler.ts';
import { deploymentReconciler } from '../reconcilers/deployment/reconciler.ts';
import { guestReconciler } from '../reconcilers/guest/reconciler.ts';
import { projectReconciler } from '../reconcilers/project/reconciler.ts';
import { createBuilderPool } from '../reconcilers/providers/docker/builder-pool.ts';
import { createDockerClient } from '../reconcilers/providers/docker/docker-client.ts';
import { createGitClient } from '../reconcilers/providers/git/git-client.ts';
import { createGuestLinks } from '../reconcilers/providers/guest/guest-link.ts';
import { createHealthMonitor } from '../reconcilers/providers/guest/health-monitor.ts';
import { createArtifactStore, type ArtifactStore } from '../reconcilers/providers/oci/artifact-store.ts';
import { repackImage } from '../reconcilers/providers/oci/repack-image.ts';
import { createClusterObserver } from '../reconcilers/providers/proxmox/cluster-observer.ts';
import { createClusterPool } from '../reconcilers/providers/proxmox/cluster-pool.ts';
import { createProxmoxClient } from '../reconcilers/providers/proxmox/proxmox-client.ts';
import { proxmoxClusterReconciler } from '../reconcilers/proxmox-cluster/reconciler.ts';
import { secretReconciler } from '../reconcilers/secret/reconciler.ts';
import { serviceReconciler } from '../reconcilers/service/reconciler.ts';
import { createArchivePlacements } from '../reconcilers/shared/archive-placements.ts';
import { Reservations } from '../reconcilers/shared/reservations.ts';
import { createSignal } from '../reconcilers/shared/signal.ts';
import { ensureAdministrator } from './access/first-administrator.ts';
import { createPostgresTokenStore } from './access/postgres-token-store.ts';
import type { TokenStore } from './access/token-store.ts';
import { systemClock } from './clock.ts';
import { readConfig, type Config } from './config.ts';
import { lockDataDir } from './data-dir-lock.ts';
import { Fault, isFault } from './errors.ts';
import { createLogger } from './log.ts';
import type { LogStore } from './logs.ts';
import type { LoopTools } from './loops.ts';
import { createManager } from './manager.ts';
import { createMetrics, type Metrics } from './metrics.ts';
import { ownVersion } from './own-version.ts';
import { Probes } from './probes.ts';
import { countProviderRequests } from './provider-metrics.ts';
import type { Reconciler } from './reconciler.ts';
import { Redactor } from './redactor.ts';
import { openKeyring, type Keyring } from './secrets/keyring.ts';
import { createSecretBox, type SecretBox } from './secrets/secret-box.ts';
import { createSecretValues } from './secrets/secret-values.ts';
import { connectPostgres } from './store/connect-postgres.ts';
import { startEmbeddedPostgres } from './store/embedded-postgres.ts';
import { stopSignal } from './stop-signal.ts';
import { createPostgresLeaseStore } from './store/postgres-lease-store.ts';
import { createPostgresLogStore } from './store/postgres-log-store.ts';
import { createPostgresStore } from './store/postgres-store.ts';

const ARCHIVE_URL_MS = 60 * 60_000;
const LAST_LINES = 10;

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
  const database = await openDatabase(config, log, stack);
  await demandKeys(keyring, database.store, config.dataDir);
  const artifacts = createArtifactStore({ dir: join(config.dataDir, 'artifacts'), clock });
  const metrics = createMetrics();
  await ensureAdministrator(database.tokens, config.adminTokenFile, log);

  const life = new AbortController();
  stack.defer(() => life.abort());
  const loops = loopsOf({
    config,
    log,
    redactor,
    keyring,
    secrets,
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
      config.databaseUrl === undefined
        ? `embedded ${hostname()} ${config.dataDir}`
        : `${hostname()} ${process.pid} ${Date.now()}`,
    redact: (text) => redactor.text(text),
    tasks: [
      { name: 'trim logs', everyMs: 60_000, run: () => database.logs.trim(config.logLimitMiB * 2 ** 20) },
      { name: 'remove archives that nothing needs', everyMs: 10 * 60_000, run: (signal) => loops.sweep(signal) },
    ],
  });
  stack.defer(() => manager.stop());
  manager.start();

  const probes = new Probes(clock);
  probes.addHealthCheck('database', async () =>
    (await database.store.currentVersion()) === '' ? 'The database gives no version.' : true,
  );
  probes.addReadinessCheck('cache', () => manager.hasSynced() || 'The first lists of the store are still being read.');
  const closing = new AbortController();
  const app = createApp({
    store: database.store,
    logs: database.logs,
    tokens: database.tokens,
    secrets,
    version: ownVersion(),
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
  store: Awaited<ReturnType<typeof createPostgresStore>>;
  leases: ReturnType<typeof createPostgresLeaseStore>;
  logs: LogStore;
  tokens: TokenStore;
}

async function openDatabase(config: Config, log: Logger, stack: AsyncDisposableStack): Promise<Database> {
  let url = config.databaseUrl;
  if (url === undefined) {
    const embedded = await startEmbeddedPostgres({ dataDir: join(config.dataDir, 'postgres'), log });
    stack.defer(() => embedded.stop());
    ({ url } = embedded);
  }
  const store = await createPostgresStore({ url, log });
  stack.defer(() => store.close());
  const sql = connectPostgres(url, { max: 4 });
  stack.defer(() => sql.end({ timeout: 5 }));
  const logs = createPostgresLogStore({ sql, log });
  return {
    store,
    leases: createPostgresLeaseStore(sql),
    logs,
    tokens: createPostgresTokenStore({ sql, clock: systemClock }),
  };
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

interface LoopParts {
  config: Config;
  log: Logger;
  redactor: Redactor;
  keyring: Keyring;
  secrets: SecretBox;
  artifacts: ArtifactStore;
  logs: LogStore;
  metrics: Metrics;
  life: AbortSignal;
}

/** Providers, and the loops over them. */
function loopsOf(parts: LoopParts): {
  make(tools: LoopTools): readonly Reconciler<Resource>[];
  /** Removes archives that nothing needs any more. */
  sweep(signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
} {
  const { config, log, redactor, keyring, secrets, artifacts, logs, life } = parts;
  const onRequest = countProviderRequests(parts.metrics.registry);
  const clock = systemClock;
  const changed = createSignal<string>();
  const placed = createSignal<void>();
  let guard: () => void = () => undefined;

  const clusters = createClusterPool((access, onChange) => {
    const client = createProxmoxClient({ ...access, guard: () => guard(), onRequest, log, clock });
    return {
      client,
      observer: createClusterObserver({
        client,
        clock,
        intervalMs: config.pollIntervalMs,
        onChange,
        onTrouble: (error) => {
          if (error !== undefined) log.warn({ err: error }, 'The Proxmox cluster does not answer; it is asked again.');
        },
      }),
    };
  });
  const builders = createBuilderPool((access) => createDockerClient(access));
  const git = createGitClient({
    allowedLocalPaths: config.allowLocalRepositories,
    maxBytes: config.maxRepositoryMiB * 2 ** 20,
    timeoutMs: 10 * 60_000,
    workDir: join(config.dataDir, 'git'),
  });
  const placements = createArchivePlacements({
    clock,
    signal: life,
    onSettled: () => placed.emit(),
    downloadUrl: (digest) =>
      config.artifactUrl === undefined
        ? undefined
        : signArtifactUrl(
            config.artifactUrl,
            digest,
            keyring.derive('artifact urls'),
            new Date(Date.now() + ARCHIVE_URL_MS),
          ),
  });
  const health = createHealthMonitor({ clock, onChange: (uid) => changed.emit(uid) });
  const links = createGuestLinks({
    logStore: logs,
    clock,
    log,
    onState: (uid) => changed.emit(uid),
    onEvent: (uid, event) => {
      if (event.type === 'listening') health.nudge(uid);
    },
  });

  let sweep: (signal: AbortSignal) => Promise<void> = async () => undefined;

  return {
    sweep: (signal) => sweep(signal),
    make(tools) {
      const { resourcesFor } = tools;
      guard = tools.guard;
      sweep = (signal) => sweepArtifacts({ read: tools.read, artifacts, clusters, placements }, clock, signal);
      const values = createSecretValues({
        read: resourcesFor(Project).read,
        box: secrets,
        redact: (value) => redactor.add(value),
      });
      const system = (name: string): ReturnType<typeof values.values> => values.values(SYSTEM_NAMESPACE, name);
      return [
        projectReconciler(resourcesFor(Project)),
        secretReconciler((secret) => values.check(secret)),
        proxmoxClusterReconciler({ resources: resourcesFor(ProxmoxCluster), clusters, readSecret: system }),
        builderReconciler({ resources: resourcesFor(Builder), builders, readSecret: system }),
        serviceReconciler(resourcesFor(Service)),
        buildReconciler({
          resources: resourcesFor(Build),
          builders,
          clusters,
          placements,
          artifacts,
          git,
          repackImage,
          readInit: readInitBinary,
          readSecret: (namespace, name) => values.values(namespace, name),
          logs,
          clock,
          placed,
        }),
        deploymentReconciler({ resources: resourcesFor(Deployment), lastLines: (uid) => lastLines(logs, uid) }),
        guestReconciler({
          resources: resourcesFor(Guest),
          clusters,
          reservations: new Reservations(),
          placements,
          artifacts,
          links,
          health,
          logs,
          readSecret: (namespace, name, key) => values.value(namespace, name, key),
          installation: keyring.derive('installation').toString('hex').slice(0, 8),
          guestKey: keyring.derive('guest supervisors').toString('hex'),
          changed,
        }),
      ];
    },
    async close() {
      await Promise.all([links.close(), health.close(), clusters.close(), builders.close()]);
    },
  };
}

async function lastLines(logs: LogStore, guestUid: string): Promise<string[]> {
  const lines = await logs.read(`guest/${guestUid}`, { tail: LAST_LINES });
  return lines.map(({ text }) => text);
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
