import { durationMs } from '../../crds/duration.ts';
import type { Guest } from '../../crds/guest.ts';
import { stalled, waiting, type Outcome } from '../../controller/outcome.ts';
import type { Pass } from '../../controller/reconciler.ts';
import type { GuestLinks } from '../providers/guest/guest-links.ts';
import type { ArtifactStore } from '../providers/oci/artifact-store.ts';
import type { GuestChanges } from '../providers/proxmox/client.ts';
import type { ClusterConnection } from '../providers/proxmox/cluster-pool.ts';
import { isProxmoxFault } from '../providers/proxmox/fault.ts';
import type { ArchivePlacements } from '../shared/archive-placements.ts';
import type { DesiredGuest } from './desired.ts';
import { follow, followPower } from './follow-task.ts';
import type { GuestPlan } from './plan.ts';

export interface ActContext {
  pass: Pass<Guest>;
  connection: ClusterConnection;
  desired: DesiredGuest;
  placements: ArchivePlacements;
  artifacts: ArtifactStore;
  links: GuestLinks;
  storages: { rootfs: string; templates: string };
}

type Act = Exclude<GuestPlan, { do: 'nothing' | 'wait' | 'stall' | 'hold' }>;

/** Asks Proxmox for one change and does not wait for it: the task's id is saved and followed by later passes. */
export async function actOnGuest(context: ActContext, plan: Act): Promise<Outcome> {
  const { pass } = context;
  switch (plan.do) {
    case 'reserveAnew':
      pass.event('Warning', 'OwnerMismatch', plan.message);
      forgetChoice(pass);
      await pass.checkpoint();
      return waiting('Waiting', 'Choosing another vmid.', 0);
    case 'forget':
      pass.event('Warning', 'GuestMissing', `Guest ${pass.status.vmid} is gone from Proxmox; it is made again.`);
      pass.status = { ...pass.status, created: false };
      await pass.checkpoint();
      return waiting('GuestMissing', 'Making the guest again.', 0);
    case 'create':
      return createGuest(context);
    case 'configure':
      return configureGuest(context, plan.changes);
    case 'start':
      return startGuest(context);
    case 'release':
      return releaseGuest(context);
    case 'stop':
      return stopGuest(context, plan.why);
    default:
      return plan satisfies never;
  }
}

async function createGuest({
  pass,
  connection,
  desired,
  placements,
  artifacts,
  storages,
}: ActContext): Promise<Outcome> {
  const { artifact } = pass.resource.spec;
  const { cluster = '', node = '', vmid = 0 } = pass.status;
  if (!(await artifacts.has(artifact.digest))) {
    return stalled(
      'ArtifactMissing',
      `The archive of ${artifact.image} is no longer kept here. Roll the service to build it anew.`,
      30_000,
    );
  }
  const placement = placements.ensure(
    { cluster, client: connection.client, node, storage: storages.templates },
    {
      path: artifacts.path(artifact.digest),
      sizeBytes: artifact.sizeBytes,
      sha256: artifact.digest.replace('sha256:', ''),
    },
  );
  if (placement.state === 'placing')
    return waiting('PlacingArtifact', `The archive is being placed on ${node}.`, 1_000);

  pass.status = { ...pass.status, createRequestedAt: pass.now.toISOString() };
  await pass.checkpoint();
  try {
    const upid = await connection.client.createGuest(
      node,
      {
        vmid,
        archive: placement.volid,
        hostname: desired.hostname,
        storage: storages.rootfs,
        rootfsGiB: desired.rootfsGiB,
        memoryMiB: desired.memoryMiB,
        swapMiB: desired.swapMiB,
        cores: desired.cores,
        cpuLimit: desired.cpuLimit,
        architecture: artifact.architecture,
        net0: desired.net0,
        tags: desired.tags,
        description: desired.description,
        nameservers: desired.nameservers,
        searchDomain: desired.searchDomain,
        onboot: desired.onboot,
      },
      pass.signal,
    );
    pass.event('Normal', 'Creating', `Proxmox makes guest ${vmid} on ${node}.`);
    return follow(pass, upid, 'create');
  } catch (error) {
    // Taken: by a stranger, or by an earlier call of ours whose answer was lost. The next look tells the two apart.
    if (isProxmoxFault(error, 'exists'))
      return waiting('Creating', `The vmid ${vmid} is in use; looking at whose it is.`, 200);
    if (isProxmoxFault(error, 'absent')) placements.forget(cluster, artifact.digest);
    throw error;
  }
}

async function configureGuest({ pass, connection, desired }: ActContext, changes: GuestChanges): Promise<Outcome> {
  const { node = '', vmid = 0, configDigest } = pass.status;
  const names = Object.keys(changes).sort().join(', ');
  // Otherwise it is what is desired that changed.
  if (configDigest === desired.digest)
    pass.event('Warning', 'DriftCorrected', `Guest ${vmid} differed from its spec in ${names}; corrected.`);
  await connection.client.configureGuest(node, vmid, changes, pass.signal);
  return waiting('Configuring', `Guest ${vmid} gets its configuration.`, 0);
}

async function startGuest({ pass, connection, desired }: ActContext): Promise<Outcome> {
  const { node = '', vmid = 0 } = pass.status;
  // Before the call: a start that only seemed to fail must not count as a stop of its own later on.
  pass.status = {
    ...pass.status,
    startedDigest: desired.processDigest,
    configDigest: desired.digest,
    startedAt: pass.now.toISOString(),
  };
  delete pass.status.healthy;
  await pass.checkpoint();
  const answer = await connection.client.startGuest(node, vmid, pass.signal);
  return followPower(pass, answer, 'start');
}

/** Asked for until the supervisor says that it is not held: a release that was lost is simply repeated. */
async function releaseGuest({ pass, desired, links }: ActContext): Promise<Outcome> {
  const { vmid } = pass.status;
  const { uid } = pass.resource.metadata;
  const link = links.state(uid);
  // One that nobody held, for its supervisor is older than that, runs already.
  const isFree = link?.connected === true && link.process !== 'held' ? true : await links.release(uid, pass.signal);
  if (!isFree) return waiting('Starting', `The supervisor of guest ${vmid} is asked to start its process.`, 1_000);
  pass.status = { ...pass.status, startedDigest: desired.processDigest, startedAt: pass.now.toISOString() };
  pass.event('Normal', 'Starting', `The process of guest ${vmid} is released and starts.`);
  return waiting('Starting', `The process of guest ${vmid} starts.`, 0);
}

async function stopGuest(
  { pass, connection }: ActContext,
  why: Extract<GuestPlan, { do: 'stop' }>['why'],
): Promise<Outcome> {
  const { node = '', vmid = 0, crashes, restarts } = pass.status;
  delete pass.status.startedDigest;
  if (why === 'unhealthy') pass.status = { ...pass.status, crashes: crashes + 1, restarts: restarts + 1 };
  await pass.checkpoint();
  const timeoutSeconds = Math.ceil(durationMs(pass.resource.spec.process.stopTimeout) / 1_000) + 5;
  const answer = await connection.client.shutdownGuest(node, vmid, timeoutSeconds, pass.signal);
  if (why === 'restart') pass.event('Normal', 'Restarting', `Guest ${vmid} is restarted for its new configuration.`);
  if (why === 'unhealthy')
    pass.event('Warning', 'Unhealthy', `Guest ${vmid} has failed its health check for too long and is restarted.`);
  return followPower(pass, answer, 'stop');
}

/** Gives up node, vmid and address: others are chosen. */
export function forgetChoice(pass: Pass<Guest>): void {
  const {
    node: _,
    vmid: __,
    reservedAddress: ___,
    createRequestedAt: ____,
    configDigest: _____,
    startedDigest: ______,
    missingSince: _______,
    adoptedFrom: ________,
    keyedFor: _________,
    ...rest
  } = pass.status;
  pass.status = { ...rest, created: false };
}
