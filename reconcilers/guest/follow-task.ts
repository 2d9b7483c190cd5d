import type { Guest } from '../../crds/guest.ts';
import type { Reason } from '../../crds/reasons.ts';
import { retry, waiting, type Outcome } from '../../controller/outcome.ts';
import type { Pass } from '../../controller/reconciler.ts';
import type { PowerAnswer, Upid } from '../providers/proxmox/client.ts';
import type { ClusterConnection } from '../providers/proxmox/cluster-pool.ts';
import { isProxmoxFault } from '../providers/proxmox/fault.ts';
import { meaningOfExit } from '../providers/proxmox/refusals.ts';
import type { Setbacks } from '../shared/setbacks.ts';

/** Why a guest is waited for while Proxmox works on it. */
const tasks = {
  create: { reason: 'Creating', doing: 'makes', verb: 'make' },
  start: { reason: 'Starting', doing: 'starts', verb: 'start' },
  stop: { reason: 'Stopping', doing: 'stops', verb: 'stop' },
  destroy: { reason: 'Deleting', doing: 'removes', verb: 'remove' },
} as const satisfies Record<string, { reason: Reason; doing: string; verb: string }>;

export type GuestTask = keyof typeof tasks;

/** How soon a task that was just asked for is looked at. */
const FIRST_LOOK_MS = 50;
/** The cluster list wakes the guest when a task leaves traces; this is for those that do not. */
const LAST_LOOK_MS = 10_000;
/** After this long people should look for themselves. */
const UNUSUAL_MS = 15 * 60_000;

/**
 * Notes the task, so that it is followed also by a controller that starts after this one. Nothing comes after it in a pass,
 * whose end saves it.
 */
export function follow(pass: Pass<Guest>, upid: Upid, type: GuestTask): Outcome {
  pass.status = { ...pass.status, task: { upid, type, startedAt: pass.now.toISOString() } };
  return waiting(tasks[type].reason, doing(pass, type), FIRST_LOOK_MS);
}

/** As `follow`, for a call that has nothing to follow when the guest was so already. */
export function followPower(pass: Pass<Guest>, answer: PowerAnswer, type: GuestTask): Outcome {
  return answer === 'already' ? waiting(tasks[type].reason, doing(pass, type), 0) : follow(pass, answer.upid, type);
}

/** Looks at the task in flight: an outcome while it runs or when it failed; undefined when there is none to wait for. */
export async function followTask(
  pass: Pass<Guest>,
  connection: ClusterConnection,
  setbacks: Setbacks,
): Promise<Outcome | undefined> {
  const { task, vmid } = pass.status;
  if (!task) return undefined;
  const type = readType(task.type);
  const node = task.upid.split(':')[1] ?? '';
  const [isOffline, isElsewhere] = whereabouts(connection, node, vmid);
  if (isOffline && isElsewhere) {
    // High availability took the guest to another node, which it does only once this one is fenced: no task runs there.
    delete pass.status.task;
    return undefined;
  }
  const offline = waiting('NodeOffline', `Node ${node} does not answer; guest ${vmid} may still run there.`, 5_000);
  if (isOffline) return offline;

  const state = await connection.client.task(task.upid, pass.signal).catch((error: unknown) => {
    if (isProxmoxFault(error, 'nodeUnreachable')) return undefined;
    throw error;
  });
  if (!state) return offline;
  if (state.status === 'running') {
    const ageMs = pass.now.getTime() - Date.parse(task.startedAt);
    const long = ageMs > UNUSUAL_MS ? ` This takes unusually long; see its log in Proxmox: ${task.upid}` : '';
    const lookMs = Math.min(LAST_LOOK_MS, Math.max(FIRST_LOOK_MS, ageMs / 8));
    return waiting(tasks[type].reason, `${doing(pass, type)}${long}`, lookMs);
  }
  delete pass.status.task;
  if (state.status === 'ended' && state.ok) setbacks.clear(pass.resource.metadata.uid);
  return state.status === 'unknown' || state.ok
    ? undefined
    : failed(pass, connection, setbacks, { upid: task.upid, type, exit: state.exit });
}

async function failed(
  pass: Pass<Guest>,
  { client }: ClusterConnection,
  setbacks: Setbacks,
  { upid, type, exit }: { upid: Upid; type: GuestTask; exit: string },
): Promise<Outcome> {
  const { vmid, node } = pass.status;
  const { uid } = pass.resource.metadata;
  const meaning = meaningOfExit(exit);
  const message = `Proxmox could not ${tasks[type].verb} guest ${vmid} on ${node}: ${exit}.`;
  // Somebody else works on the guest: that is no failure.
  if (meaning === 'locked' || meaning === 'busy')
    return retry('Locked', message, setbacks.note(uid, { reason: 'Locked', message }, pass.now));

  const advice =
    meaning === 'storageFull' ? ' Free space on its storage, or name another one in the ProxmoxCluster.' : '';
  const trouble = {
    reason: meaning === 'storageFull' ? 'StorageFull' : 'TaskFailed',
    message: `${message}${advice}`,
  } as const;
  const lines = await client.taskLog(upid, 5, pass.signal).catch(() => []);
  const shown = [trouble.message, ...lines.filter((line) => !line.startsWith('TASK ERROR'))];
  pass.event('Warning', trouble.reason, shown.join('\n'));
  return retry(trouble.reason, trouble.message, setbacks.note(uid, trouble, pass.now));
}

/** Whether the node of a task is known to be away, and whether the guest is listed on another one. */
function whereabouts({ observer }: ClusterConnection, node: string, vmid: number | undefined): [boolean, boolean] {
  const view = observer.view();
  if (!view?.fresh || view.quorate === false) return [false, false];
  const { nodes, guests } = view.resources;
  return [
    nodes.some((listed) => listed.node === node && !listed.online),
    guests.some((guest) => guest.vmid === vmid && guest.node !== node),
  ];
}

function doing({ status }: Pass<Guest>, type: GuestTask): string {
  return `Proxmox ${tasks[type].doing} guest ${status.vmid} on ${status.node}.`;
}

/** Also what another version wrote is read. */
function readType(text: string): GuestTask {
  return text === 'create' || text === 'start' || text === 'stop' ? text : 'destroy';
}
