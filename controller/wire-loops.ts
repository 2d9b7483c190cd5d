import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { signArtifactUrl } from '../api/artifacts.ts';
import { Backup, Restore } from '../crds/backup.ts';
import { Build } from '../crds/build.ts';
import { Builder } from '../crds/builder.ts';
import { Database } from '../crds/database.ts';
import type { Resource } from '../crds/define-kind.ts';
import { Deployment } from '../crds/deployment.ts';
import { Guest } from '../crds/guest.ts';
import { Job } from '../crds/job.ts';
import { SYSTEM_NAMESPACE } from '../crds/meta.ts';
import { Project } from '../crds/project.ts';
import { Proxy } from '../crds/proxy.ts';
import { ProxmoxCluster } from '../crds/proxmox-cluster.ts';
import { Route } from '../crds/route.ts';
import { Service } from '../crds/service.ts';
import { Volume } from '../crds/volume.ts';
import { readInitBinary } from '../guest/init-binary.ts';
import { backupReconciler } from '../reconcilers/backup/reconciler.ts';
import { buildReconciler } from '../reconcilers/build/reconciler.ts';
import { sweepArtifacts } from '../reconcilers/build/sweep.ts';
import { sweepImages } from '../reconcilers/build/sweep-images.ts';
import { builderReconciler } from '../reconcilers/builder/reconciler.ts';
import { engines } from '../reconcilers/database/engines/engines.ts';
import { databaseReconciler } from '../reconcilers/database/reconciler.ts';
import { deploymentReconciler } from '../reconcilers/deployment/reconciler.ts';
import { guestReconciler } from '../reconcilers/guest/reconciler.ts';
import { jobReconciler } from '../reconcilers/job/reconciler.ts';
import { projectReconciler } from '../reconcilers/project/reconciler.ts';
import { createHostBuildpacks } from '../reconcilers/providers/buildpack/host-buildpacks.ts';
import { createDatabaseClient } from '../reconcilers/providers/database/database-client.ts';
import { CHANGES_AN_ENGINE } from '../reconcilers/providers/docker/client.ts';
import { createBuilderPool } from '../reconcilers/providers/docker/builder-pool.ts';
import { createDockerClient } from '../reconcilers/providers/docker/docker-client.ts';
import { createGitClient } from '../reconcilers/providers/git/git-client.ts';
import { createGuestLinks } from '../reconcilers/providers/guest/guest-link.ts';
import { CHANGES_A_GUEST } from '../reconcilers/providers/guest/guest-links.ts';
import { createHealthMonitor } from '../reconcilers/providers/guest/health-monitor.ts';
import { CHANGES_A_BUCKET, type OpenBucket } from '../reconcilers/providers/object-storage/object-storage.ts';
import { openS3Bucket } from '../reconcilers/providers/object-storage/s3-storage.ts';
import { type ArtifactStore } from '../reconcilers/providers/oci/artifact-store.ts';
import { repackImage } from '../reconcilers/providers/oci/repack-image.ts';
import { connectCaddy } from '../reconcilers/providers/proxy/connect-caddy.ts';
import { createProxyPool } from '../reconcilers/providers/proxy/proxy-pool.ts';
import { createRouteTable } from '../reconcilers/providers/proxy/route-table.ts';
import { createClusterObserver } from '../reconcilers/providers/proxmox/cluster-observer.ts';
import { createClusterPool } from '../reconcilers/providers/proxmox/cluster-pool.ts';
import { createProxmoxClient } from '../reconcilers/providers/proxmox/proxmox-client.ts';
import { proxyReconciler } from '../reconcilers/proxy/reconciler.ts';
import { proxmoxClusterReconciler } from '../reconcilers/proxmox-cluster/reconciler.ts';
import { repoSyncReconciler } from '../reconcilers/repo-sync/reconciler.ts';
import { restoreReconciler } from '../reconcilers/restore/reconciler.ts';
import { routeReconciler } from '../reconcilers/route/reconciler.ts';
import { secretReconciler } from '../reconcilers/secret/reconciler.ts';
import { serviceReconciler } from '../reconcilers/service/reconciler.ts';
import { createArchivePlacements } from '../reconcilers/shared/archive-placements.ts';
import { lastWords } from '../reconcilers/shared/last-words.ts';
import { Reservations } from '../reconcilers/shared/reservations.ts';
import { createSignal } from '../reconcilers/shared/signal.ts';
import { volumeReconciler } from '../reconcilers/volume/reconciler.ts';
import { systemClock } from './clock.ts';
import { type Config } from './config.ts';
import { guardCalls } from './guard-calls.ts';
import type { LogStore } from './logs.ts';
import type { LoopTools } from './loops.ts';
import { type Metrics } from './metrics.ts';
import { countProviderRequests } from './provider-metrics.ts';
import type { Reconciler } from './reconciler.ts';
import { Redactor } from './redactor.ts';
import type { AgeKeys } from './secrets/age-keys.ts';
import { createAgeStreams } from './secrets/age-streams.ts';
import { installationOf, type Keyring } from './secrets/keyring.ts';
import { openSealed, outdatedKeys } from './secrets/open-sealed.ts';
import { type SecretBox } from './secrets/secret-box.ts';
import { createSecretValues } from './secrets/secret-values.ts';

/** Long enough to begin: Proxmox writes the address into the task's log, and the archive holds a key. */
const ARCHIVE_URL_MS = 2 * 60_000;
const LAST_LINES = 10;
const DAY_MS = 86_400_000;

/** What the loops of this process stand on. */
export interface LoopParts {
  config: Config;
  log: Logger;
  redactor: Redactor;
  keyring: Keyring;
  secrets: SecretBox;
  ages: AgeKeys;
  artifacts: ArtifactStore;
  logs: LogStore;
  metrics: Metrics;
  life: AbortSignal;
}

/** Providers, and the loops over them. Nothing is asked of anyone before `make`. */
export function wireLoops(parts: LoopParts): {
  make(tools: LoopTools): readonly Reconciler<Resource>[];
  /** Removes archives and images that nothing needs any more. */
  sweep(signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
} {
  const { config, log, redactor, keyring, secrets, ages, artifacts, logs, life } = parts;
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
  const toolPath = config.toolPath.join(':');
  const buildx = { path: toolPath, workDir: artifacts.workDir };
  const builders = createBuilderPool((access) =>
    guardCalls(createDockerClient({ ...access, buildx }), CHANGES_AN_ENGINE, () => guard()),
  );
  const buildpacks = createHostBuildpacks({ path: toolPath, homeDir: join(config.dataDir, 'buildpacks') });
  const proxies = createProxyPool((address, onLateAnswer) => {
    const client = connectCaddy(address, () => guard());
    return createRouteTable({ client, clock, onLateAnswer });
  });
  const git = createGitClient({
    allowedLocalPaths: [config.allowLocalRepositories, config.buildRoot ?? []].flat(),
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
  const links = guardCalls(
    createGuestLinks({
      logStore: logs,
      clock,
      log,
      onState: (uid) => changed.emit(uid),
      onEvent: (uid, event) => {
        if (event.type === 'listening') health.nudge(uid);
      },
    }),
    CHANGES_A_GUEST,
    () => guard(),
  );

  let sweep: (signal: AbortSignal) => Promise<void> = async () => undefined;

  return {
    sweep: (signal) => sweep(signal),
    make(tools) {
      const { resourcesFor } = tools;
      guard = tools.guard;
      const installation = installationOf(keyring);
      const configKey = keyring.derive('guest configurations');
      const keepUnusedMs = config.keepUnusedDays * DAY_MS;
      const kept = { read: tools.read, artifacts, clusters, placements, builders, installation, keepUnusedMs };
      sweep = async (signal) => {
        await sweepArtifacts(kept, clock, signal);
        await sweepImages(kept, clock, signal);
      };
      const values = createSecretValues({
        read: resourcesFor(Project).read,
        box: secrets,
        redact: (value) => redactor.add(value),
      });
      const system = (name: string): ReturnType<typeof values.values> => values.values(SYSTEM_NAMESPACE, name);
      const reservations = new Reservations();
      const age = createAgeStreams(keyring);
      const openBucket: OpenBucket = (access) => guardCalls(openS3Bucket(access), CHANGES_A_BUCKET, () => guard());
      return [
        projectReconciler(resourcesFor(Project)),
        secretReconciler({
          check: (secret) => values.check(secret),
          open: (secret) => openSealed(secret, { ages, box: secrets }),
          outdated: (secret) => outdatedKeys(secret, ages, secrets),
        }),
        proxmoxClusterReconciler({
          resources: resourcesFor(ProxmoxCluster),
          clusters,
          installation,
          readSecret: system,
        }),
        builderReconciler({ resources: resourcesFor(Builder), builders, readSecret: system }),
        serviceReconciler({
          resources: resourcesFor(Service),
          git,
          clock,
          readSecret: (namespace, name) => values.values(namespace, name),
        }),
        buildReconciler({
          resources: resourcesFor(Build),
          builders,
          clusters,
          placements,
          artifacts,
          git,
          buildpacks,
          installation,
          redact: (text) => redactor.text(text),
          repackImage,
          configKey,
          readInit: readInitBinary,
          readSecret: (namespace, name) => values.values(namespace, name),
          logs,
          clock,
          placed,
        }),
        deploymentReconciler({
          resources: resourcesFor(Deployment),
          lastLines: (uid) => lastLines(logs, uid),
          forgetLog: (uid) => logs.remove(`guest/${uid}`),
        }),
        databaseReconciler({
          resources: resourcesFor(Database),
          clusters,
          client: createDatabaseClient(),
          readSecret: (namespace, name) => values.values(namespace, name),
          seal: (place, value) => secrets.seal(place, value),
          randomBytes,
          usage: (uid, signal) => links.usage(uid, signal),
          lastLines: (uid) => lastLines(logs, uid),
        }),
        backupReconciler({
          resources: resourcesFor(Backup),
          clusters,
          links,
          database: createDatabaseClient(),
          engines,
          readSecret: (namespace, name) => values.values(namespace, name),
          seal: (place, value) => secrets.seal(place, value),
          openBucket,
          age,
          installation,
        }),
        restoreReconciler({
          resources: resourcesFor(Restore),
          links,
          database: createDatabaseClient(),
          engines,
          readSecret: (namespace, name) => values.values(namespace, name),
          seal: (place, value) => secrets.seal(place, value),
        }),
        jobReconciler({ resources: resourcesFor(Job), logs }),
        volumeReconciler({
          resources: resourcesFor(Volume),
          clusters,
          reservations,
          placements,
          artifacts,
          installation,
          copies: { links, openBucket, age, readSecret: (namespace, name) => values.values(namespace, name) },
        }),
        proxyReconciler({ resources: resourcesFor(Proxy), proxies }),
        routeReconciler({ resources: resourcesFor(Route), proxies }),
        repoSyncReconciler({
          read: tools.read,
          writeAs: tools.writeAs,
          git,
          workDir: join(config.dataDir, 'git-sync'),
          box: secrets,
          readSecret: (namespace, name) => values.values(namespace, name),
        }),
        guestReconciler({
          resources: resourcesFor(Guest),
          clusters,
          reservations,
          placements,
          artifacts,
          links,
          health,
          logs,
          readSecret: (namespace, name, key) => values.value(namespace, name, key),
          installation,
          guestKey: keyring.derive('guest supervisors').toString('hex'),
          configKey,
          changed,
          placed,
        }),
      ];
    },
    async close() {
      await Promise.all([links.close(), health.close(), clusters.close(), builders.close(), proxies.close()]);
    },
  };
}

async function lastLines(logs: LogStore, guestUid: string): Promise<string[]> {
  return lastWords(await logs.read(`guest/${guestUid}`, { tail: LAST_LINES }));
}
