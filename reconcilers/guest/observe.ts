import type { Guest } from '../../crds/guest.ts';
import type { Reason } from '../../crds/reasons.ts';
import type { GuestConfig, ListedGuest, ProxmoxClient } from '../providers/proxmox/client.ts';
import type { ClusterConnection } from '../providers/proxmox/cluster-pool.ts';
import type { ClusterView } from '../providers/proxmox/cluster-observer.ts';
import { isProxmoxFault } from '../providers/proxmox/fault.ts';
import { readMarks, uidInTags, type GuestMarks } from '../shared/guest-marks.ts';

/** What is at the vmid of a guest. `unknown` is never a reason to change or destroy anything. */
export type GuestFacts =
  | { seen: 'unknown'; reason: Reason; message: string }
  | { seen: 'absent' }
  /** Proxmox is making something at the vmid; whose it is shows when it is done. */
  | { seen: 'creating'; node: string; taskRunning: boolean }
  | { seen: 'foreign'; node: string }
  /** Our configuration without our marks: a hand took them off. */
  | { seen: 'markless'; node: string }
  | { seen: 'ours'; node: string; running: boolean; lock: string | undefined; config: GuestConfig | undefined };

export type OursFacts = Extract<GuestFacts, { seen: 'ours' }>;

interface ObserveInput {
  status: Guest['status'];
  marks: GuestMarks;
  /** What a guest about which nothing is open looks like in the cluster list; undefined to look closely in any case. */
  expected: { memoryMiB: number } | undefined;
}

/**
 * One look at one guest. A guest that is in the shared list as it should be costs no call; any doubt is settled by asking for
 * this guest's own status and config, which are current where the list may be ten seconds old. Absence is proven by a list
 * made after the guest itself did not answer. The vmid alone finds it: a copy that somebody made of our guest carries our
 * marks too, and is theirs.
 */
export async function observeGuest(
  { client, observer }: ClusterConnection,
  { status, marks, expected }: ObserveInput,
  signal: AbortSignal,
): Promise<GuestFacts> {
  const { vmid, node } = status;
  if (vmid === undefined || node === undefined) return { seen: 'absent' };
  const view = observer.view();
  const row = view?.resources.guests.find((guest) => guest.vmid === vmid);
  // High availability may have taken it to another node than it was last seen on.
  const doubt = doubtAbout(view, row?.node ?? node);
  if (doubt) return doubt;
  if (!status.created && status.createRequestedAt === undefined) return { seen: 'absent' };

  if (expected && row && looksAsExpected(row, marks, expected)) {
    return { seen: 'ours', node: row.node, running: true, lock: undefined, config: undefined };
  }
  const direct = await lookClosely(client, row?.node ?? node, vmid, marks, signal);
  if (direct) return direct;

  const proof = await observer.refresh(signal);
  const listed = proof?.resources.guests.find((guest) => guest.vmid === vmid);
  const doubtNow = doubtAbout(proof, listed?.node ?? node);
  if (doubtNow) return doubtNow;
  if (!listed) return { seen: 'absent' };
  if (listed.type !== 'lxc') return { seen: 'foreign', node: listed.node };
  const elsewhere = await lookClosely(client, listed.node, vmid, marks, signal);
  return (
    elsewhere ?? { seen: 'unknown', reason: 'WorldMoved', message: `Guest ${vmid} moved while it was being looked at.` }
  );
}

/** Why nothing may be concluded from what Proxmox shows or lacks. */
function doubtAbout(view: ClusterView | undefined, node: string): GuestFacts | undefined {
  if (!view?.fresh) {
    return { seen: 'unknown', reason: 'ProviderUnavailable', message: 'The Proxmox cluster does not answer.' };
  }
  if (view.quorate === false) {
    return { seen: 'unknown', reason: 'ClusterNotQuorate', message: 'The Proxmox cluster has no quorum.' };
  }
  if (view.resources.nodes.some((listed) => listed.node === node && !listed.online)) {
    return {
      seen: 'unknown',
      reason: 'NodeOffline',
      message: `Node ${node} does not answer; the guest may still run there.`,
    };
  }
  return undefined;
}

function looksAsExpected(row: ListedGuest, marks: GuestMarks, expected: { memoryMiB: number }): boolean {
  return (
    row.status === 'running' &&
    row.lock === undefined &&
    uidInTags(row.tags, marks.installation) === marks.uid &&
    row.maxMemoryBytes === expected.memoryMiB * 2 ** 20
  );
}

/** Undefined when the node has no such guest, which alone proves nothing: it may be on another. */
async function lookClosely(
  client: ProxmoxClient,
  node: string,
  vmid: number,
  marks: GuestMarks,
  signal: AbortSignal,
): Promise<GuestFacts | undefined> {
  try {
    const config = await client.guestConfig(node, vmid, signal);
    if (config.lock === 'create') {
      const tasks = await client.runningTasks(node, vmid, signal);
      return { seen: 'creating', node, taskRunning: tasks.length > 0 };
    }
    const reading = readMarks(marks, config);
    if (reading === 'another') return { seen: 'foreign', node };
    if (reading === 'none') return { seen: carriesOurConfig(config) ? 'markless' : 'foreign', node };
    const current = await client.guestStatus(node, vmid, signal);
    return { seen: 'ours', node, running: current.status === 'running', lock: config.lock ?? current.lock, config };
  } catch (error) {
    if (isProxmoxFault(error, 'absent')) return undefined;
    throw error;
  }
}

function carriesOurConfig(config: GuestConfig): boolean {
  return config.env.some((entry) => entry.startsWith('CONTAINR_CONFIG='));
}
