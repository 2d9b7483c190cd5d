import type { Reason } from '../../crds/reasons.ts';
import type { GuestConfig, ProxmoxClient } from '../providers/proxmox/client.ts';
import type { ClusterConnection } from '../providers/proxmox/cluster-pool.ts';
import type { ClusterView } from '../providers/proxmox/cluster-observer.ts';
import { isProxmoxFault } from '../providers/proxmox/fault.ts';
import { readMarks, type GuestMarks } from '../shared/guest-marks.ts';

/** What is at a vmid that has a volume, or is to have it. `unknown` is never a reason to change or destroy anything. */
export type HolderFacts =
  | { seen: 'unknown'; reason: Reason; message: string }
  /** Proven by a list of a quorate node that was made after the guest did not answer. */
  | { seen: 'absent' }
  | { seen: 'creating'; node: string; taskRunning: boolean }
  | { seen: 'foreign'; node: string }
  /** Nobody's by its marks: a hand may have taken ours off. */
  | { seen: 'markless'; node: string }
  | HolderOfOurs;

export interface HolderOfOurs {
  seen: 'ours';
  vmid: number;
  node: string;
  running: boolean;
  lock: string | undefined;
  config: GuestConfig;
}

/** Looks at one guest as it is now: its own config and status, not the list. */
export async function lookAtHolder(
  { client, observer }: ClusterConnection,
  { vmid, node, marks }: { vmid: number; node: string; marks: GuestMarks },
  signal: AbortSignal,
): Promise<HolderFacts> {
  const view = observer.view() ?? (await observer.refresh(signal));
  const listed = view?.resources.guests.find((guest) => guest.vmid === vmid);
  const doubt = doubtAbout(view, listed?.node ?? node, vmid);
  if (doubt) return doubt;
  const direct = await ask(client, listed?.node ?? node, vmid, marks, signal);
  if (direct) return direct;

  const proof = await observer.refresh(signal);
  const found = proof?.resources.guests.find((guest) => guest.vmid === vmid);
  const doubtNow = doubtAbout(proof, found?.node ?? node, vmid);
  if (doubtNow) return doubtNow;
  if (!found) return { seen: 'absent' };
  if (found.type !== 'lxc') return { seen: 'foreign', node: found.node };
  const elsewhere = await ask(client, found.node, vmid, marks, signal);
  return (
    elsewhere ?? { seen: 'unknown', reason: 'WorldMoved', message: `Guest ${vmid} moved while it was being looked at.` }
  );
}

function doubtAbout(view: ClusterView | undefined, node: string, vmid: number): HolderFacts | undefined {
  if (!view?.fresh)
    return { seen: 'unknown', reason: 'ProviderUnavailable', message: 'The Proxmox cluster does not answer.' };
  if (view.quorate === false)
    return { seen: 'unknown', reason: 'ClusterNotQuorate', message: 'The Proxmox cluster has no quorum.' };
  if (!view.resources.nodes.some((listed) => listed.node === node && !listed.online)) return undefined;
  const message = `Node ${node} does not answer; guest ${vmid} and its volumes are there.`;
  return { seen: 'unknown', reason: 'NodeOffline', message };
}

/** Undefined when the node has no such guest, which alone proves nothing. */
async function ask(
  client: ProxmoxClient,
  node: string,
  vmid: number,
  marks: GuestMarks,
  signal: AbortSignal,
): Promise<HolderFacts | undefined> {
  try {
    const config = await client.guestConfig(node, vmid, signal);
    if (config.lock === 'create') {
      const tasks = await client.runningTasks(node, vmid, signal);
      return { seen: 'creating', node, taskRunning: tasks.length > 0 };
    }
    const reading = readMarks(marks, config);
    if (reading !== 'ours') return { seen: reading === 'none' ? 'markless' : 'foreign', node };
    const { status, lock } = await client.guestStatus(node, vmid, signal);
    return { seen: 'ours', vmid, node, running: status === 'running', lock: config.lock ?? lock, config };
  } catch (error) {
    if (isProxmoxFault(error, 'absent')) return undefined;
    throw error;
  }
}
