import { Build } from '../../crds/build.ts';
import { Builder } from '../../crds/builder.ts';
import { setCondition, type ConditionInput } from '../../crds/condition.ts';
import { SYSTEM_NAMESPACE } from '../../crds/meta.ts';
import { Secret } from '../../crds/secret.ts';
import { retry, settled, stalled } from '../../controller/outcome.ts';
import { watching, type Pass, type Reconciler, type Resources } from '../../controller/reconciler.ts';
import type { BuilderAccess, BuilderPool } from '../providers/docker/builder-pool.ts';
import { isDockerFault } from '../providers/docker/fault.ts';

export type SystemSecret = (
  name: string,
) => { ok: true; values: Readonly<Record<string, string>> } | { ok: false; message: string };

export interface BuilderDeps {
  resources: Resources;
  builders: BuilderPool;
  readSecret: SystemSecret;
}

const CHECK_MS = 30_000;

/** Keeps the connection to a Docker engine, and says whether it answers. */
export function builderReconciler({ resources, builders, readSecret }: BuilderDeps): Reconciler<Builder> {
  return {
    kind: Builder,
    onlyTells: true,
    watches: [
      watching(Secret, ({ metadata }, read) =>
        metadata.namespace === SYSTEM_NAMESPACE
          ? read
              .list(Builder)
              .filter(
                ({ spec }) => spec.tlsSecretRef?.name === metadata.name || spec.keySecretRef?.name === metadata.name,
              )
              .map((builder) => builder.metadata)
          : [],
      ),
    ],

    async reconcile(pass) {
      const access = accessOf(pass.resource, readSecret);
      if (!access.ok) {
        ready(pass, { status: 'False', reason: 'SecretNotFound', message: access.message });
        return stalled('SecretNotFound', access.message, CHECK_MS);
      }
      const docker = builders.ensure(pass.resource.metadata.name, access.access);
      const running = resources.read
        .list(Build)
        .filter(({ status }) => status.builder === pass.resource.metadata.name && status.completedAt === undefined);
      pass.status.runningBuilds = running.length;
      try {
        const { version } = await docker.info(pass.signal);
        pass.status.version = version;
        ready(pass, { status: 'True', reason: 'BuilderReachable', message: 'The Docker engine answers.' });
        return settled(CHECK_MS);
      } catch (error) {
        if (!isDockerFault(error)) throw error;
        ready(pass, { status: 'False', reason: 'BuilderUnreachable', message: error.message });
        return retry('BuilderUnreachable', error.message);
      }
    },

    async finalize(pass) {
      await builders.drop(pass.resource.metadata.name);
      return settled();
    },
  };
}

function ready(pass: Pass<Builder>, input: Omit<ConditionInput, 'type'>): void {
  pass.status.conditions = setCondition(
    pass.status.conditions,
    { type: 'Ready', ...input },
    { generation: pass.resource.metadata.generation, now: pass.now },
  );
}

function accessOf(
  { spec }: Builder,
  readSecret: SystemSecret,
): { ok: true; access: BuilderAccess } | { ok: false; message: string } {
  const access: BuilderAccess = { endpoint: spec.endpoint, platform: spec.platform };
  if (spec.tlsSecretRef) {
    const secret = readSecret(spec.tlsSecretRef.name);
    if (!secret.ok) return secret;
    const { 'ca.pem': ca = '', 'cert.pem': cert = '', 'key.pem': key = '' } = secret.values;
    access.tls = { ca, cert, key };
  }
  if (spec.keySecretRef) {
    const secret = readSecret(spec.keySecretRef.name);
    if (!secret.ok) return secret;
    access.sshKey = secret.values['sshKey'];
  }
  return { ok: true, access };
}
