import type { Backup } from '../../crds/backup.ts';
import type { Kind, Manifest, Resource } from '../../crds/define-kind.ts';
import { Guest } from '../../crds/guest.ts';
import { API_VERSION } from '../../crds/meta.ts';
import { Volume } from '../../crds/volume.ts';
import type { EnvVar } from '../../crds/workload.ts';
import { treeCommands } from '../shared/backup-commands.ts';
import { childName } from '../shared/child-name.ts';
import { controlledBy } from '../shared/owner.ts';

/** What the guest that a backup is read back with is made like. */
export type TrialModel = Pick<Guest['spec'], 'artifact' | 'env' | 'ports' | 'commands'> & {
  process: Pick<Guest['spec']['process'], 'command'>;
  resources?: Guest['spec']['resources'];
};

/** Volume and Guest that a backup is read back with. Pure. */
export function trialNames({ metadata }: Backup): { volume: string; guest: string } {
  const name = childName(metadata.name, `trial-${metadata.uid.slice(0, 8)}`);
  return { volume: name, guest: name };
}

/** A volume out of the backup, which goes with its object. Pure. */
export function trialVolume(backup: Backup): Manifest<Volume['spec']> {
  const { origin, trial } = backup.status;
  const spec = {
    size: origin?.size,
    region: origin?.region,
    retain: false,
    source: { backup: backup.metadata.name },
    guest: trial?.guest,
  };
  return manifest(Volume, backup, trial?.volume, spec);
}

/**
 * The guest that has it: made as `model`, which is the one that was backed up where that is still known, with the login that
 * the backup keeps. It is held: nothing of it runs before the data are read. Pure.
 */
export function trialGuest(
  backup: Backup,
  model: TrialModel,
  credentials: string | undefined,
): Manifest<Guest['spec']> {
  const { origin, trial, cluster } = backup.status;
  const mountPath = origin?.mountPath ?? '';
  const isDatabase = backup.spec.source.kind === 'Database';
  const { artifact, process, resources, env, ports, commands } = model;
  const ofTree = treeCommands(mountPath);
  const ofEngine = isDatabase ? commands.filter(({ name }) => !ofTree.some((one) => one.name === name)) : [];
  return manifest(Guest, backup, trial?.guest, {
    region: origin?.region,
    cluster,
    hostname: trial?.guest,
    artifact,
    process: { ...process, restart: 'Always' },
    resources,
    env: isDatabase ? withLogin(env, credentials) : [],
    ports: isDatabase ? ports : [],
    mounts: [{ volume: trial?.volume, mountPath }],
    commands: [...ofEngine, ...ofTree],
    hold: true,
  });
}

/** The same variables, out of the Secret that the backup keeps. */
function withLogin(env: readonly EnvVar[], name: string | undefined): EnvVar[] {
  return env.map((variable) => {
    const { secretRef } = variable.valueFrom ?? {};
    return secretRef && name !== undefined
      ? { name: variable.name, valueFrom: { secretRef: { ...secretRef, name } } }
      : variable;
  });
}

function manifest<R extends Resource>(
  kind: Kind<R>,
  backup: Backup,
  name: string | undefined,
  spec: unknown,
): Manifest<R['spec']> {
  const metadata = {
    name: name ?? '',
    namespace: backup.metadata.namespace,
    ownerReferences: [controlledBy(backup)],
  };
  return { apiVersion: API_VERSION, kind: kind.kind, metadata, spec: kind.specSchema.parse(spec) };
}
