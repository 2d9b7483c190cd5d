import { setCondition, type ConditionInput } from '../../crds/condition.ts';
import { Guest } from '../../crds/guest.ts';
import { SYSTEM_NAMESPACE } from '../../crds/meta.ts';
import { ProxmoxCluster } from '../../crds/proxmox-cluster.ts';
import { Secret } from '../../crds/secret.ts';
import { retry, settled, stalled, waiting, type Outcome } from '../../controller/outcome.ts';
import { watching, type Pass, type Reconciler, type Resources } from '../../controller/reconciler.ts';
import type { ClusterAccess, ClusterConnection, ClusterPool } from '../providers/proxmox/cluster-pool.ts';
import { isProxmoxFault } from '../providers/proxmox/fault.ts';
import { missingPrivileges } from '../providers/proxmox/permissions.ts';
import { UnownedConfigs, unownedGuests } from '../shared/unowned-guests.ts';
import { copiesIn } from './orphans.ts';
import { reportCluster, type ClusterFacts } from './report.ts';

export interface ProxmoxClusterDeps {
  resources: Resources;
  clusters: ClusterPool;
  /** Names this installation on its guests. */
  installation: string;
  readSecret: (name: string) => { ok: true; values: Readonly<Record<string, string>> } | { ok: false; message: string };
}

const CHECK_MS = 60_000;
const CHECK_TROUBLED_MS = 15_000;

/** Keeps the connection to a cluster, and says whether guests can be made there and, if not, what to do. */
export function proxmoxClusterReconciler({
  resources,
  clusters,
  installation,
  readSecret,
}: ProxmoxClusterDeps): Reconciler<ProxmoxCluster> {
  const unowned = new UnownedConfigs();
  return {
    kind: ProxmoxCluster,
    onlyTells: true,
    watches: [
      watching(Secret, ({ metadata }, read) =>
        metadata.namespace === SYSTEM_NAMESPACE
          ? read
              .list(ProxmoxCluster)
              .filter(({ spec }) => spec.tokenSecretRef.name === metadata.name)
              .map((cluster) => cluster.metadata)
          : [],
      ),
    ],

    async reconcile(pass) {
      const { metadata, spec } = pass.resource;
      const secret = readSecret(spec.tokenSecretRef.name);
      if (!secret.ok) return notReady(pass, 'SecretNotFound', secret.message);
      const { tokenId, secret: tokenSecret } = secret.values;
      if (tokenId === undefined || tokenSecret === undefined) {
        return notReady(
          pass,
          'SecretNotFound',
          `The Secret ${SYSTEM_NAMESPACE}/${spec.tokenSecretRef.name} must have the keys tokenId and secret.`,
        );
      }
      warnWithoutTls(pass);
      const connection = clusters.ensure(metadata.name, accessOf(spec, tokenId, tokenSecret));
      try {
        const facts = await observeCluster(spec, connection, pass.signal);
        const orphans = await observeOrphans(metadata.name, connection, pass.signal);
        pass.status = reportCluster(pass.resource, pass.status, { ...facts, orphans }, pass.now);
      } catch (error) {
        if (!isProxmoxFault(error)) throw error;
        const reason =
          error.meaning === 'certificate'
            ? 'CertificateMismatch'
            : error.code === 'Denied'
              ? 'AccessDenied'
              : 'ProviderUnavailable';
        setReady(pass, {
          status: reason === 'ProviderUnavailable' ? 'Unknown' : 'False',
          reason,
          message: error.message,
        });
        return retry(reason, error.message);
      }
      const ready = pass.status.conditions.find(({ type }) => type === 'Ready');
      return ready?.status === 'False' ? stalled(ready.reason, ready.message, CHECK_TROUBLED_MS) : settled(CHECK_MS);
    },

    async finalize(pass) {
      const { name } = pass.resource.metadata;
      const here = resources.read.list(Guest).filter(({ status }) => status.cluster === name);
      if (here.length > 0) {
        return waiting(
          'WaitingForChildren',
          `Guests still run on the cluster, among them ${here[0]?.metadata.name}. Delete their services first.`,
          5_000,
        );
      }
      await clusters.drop(name);
      return settled();
    },
  };

  /** Undefined while nothing may be concluded from what is listed. */
  async function observeOrphans(
    cluster: string,
    connection: ClusterConnection,
    signal: AbortSignal,
  ): Promise<ClusterFacts['orphans']> {
    const view = connection.observer.view();
    if (!view?.fresh || view.quorate === false) return undefined;
    const scope = { cluster, installation };
    const rows = unownedGuests(view.resources.guests, resources.read, scope);
    const read = await unowned.read(rows, connection, scope, signal);
    return { rows, read, copies: copiesIn(view.resources.guests, resources.read, scope) };
  }
}

async function observeCluster(
  spec: ProxmoxCluster['spec'],
  { client, observer }: ClusterConnection,
  signal: AbortSignal,
): Promise<Omit<ClusterFacts, 'orphans'>> {
  const { version, release } = await client.version(signal);
  const permissions = await client.permissions(signal);
  const missing = missingPrivileges(permissions, {
    storages: spec.storages,
    bridge: spec.network.bridge,
    nodes: spec.regions.flatMap(({ nodes }) => nodes),
  });
  const view = await observer.refresh(signal);
  const resources = view?.resources ?? (await client.resources(signal));
  const bridges = new Map<string, readonly string[]>();
  if (missing.length === 0) {
    for (const { node, online } of resources.nodes) {
      if (online && spec.regions.some(({ nodes }) => nodes.includes(node)))
        bridges.set(node, await client.bridges(node, signal));
    }
  }
  return {
    version,
    release,
    quorate: view?.quorate,
    resources,
    bridges,
    missingPrivileges: missing.map(({ path, privileges }) => `${privileges.join(', ')} on ${path}`),
  };
}

function accessOf(spec: ProxmoxCluster['spec'], tokenId: string, tokenSecret: string): ClusterAccess {
  const { endpoints, tls, concurrency } = spec;
  return {
    endpoints,
    tokenId,
    tokenSecret,
    perNode: concurrency.perNode,
    tls: {
      ...(tls && 'fingerprint' in tls && { fingerprint: tls.fingerprint }),
      ...(tls && 'ca' in tls && { ca: tls.ca }),
      ...(tls && 'insecureSkipVerify' in tls && { insecureSkipVerify: true }),
    },
  };
}

function warnWithoutTls(pass: Pass<ProxmoxCluster>): void {
  const { tls } = pass.resource.spec;
  if (tls && 'insecureSkipVerify' in tls) {
    pass.event(
      'Warning',
      'TlsVerificationOff',
      'Certificates are not verified: anybody on the way can read the token. Set tls.fingerprint or tls.ca.',
    );
  }
}

function notReady(pass: Pass<ProxmoxCluster>, reason: ConditionInput['reason'], message: string): Outcome {
  setReady(pass, { status: 'False', reason, message });
  return stalled(reason, message, CHECK_TROUBLED_MS);
}

function setReady(pass: Pass<ProxmoxCluster>, input: Omit<ConditionInput, 'type'>): void {
  pass.status.conditions = setCondition(
    pass.status.conditions,
    { type: 'Ready', ...input },
    { generation: pass.resource.metadata.generation, now: pass.now },
  );
}
