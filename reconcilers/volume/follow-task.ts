import type { Reason } from '../../crds/reasons.ts';
import type { Volume } from '../../crds/volume.ts';
import { retry, waiting, type Outcome } from '../../controller/outcome.ts';
import type { Pass } from '../../controller/reconciler.ts';
import type { Upid } from '../providers/proxmox/client.ts';
import type { ClusterConnection } from '../providers/proxmox/cluster-pool.ts';
import { isProxmoxFault } from '../providers/proxmox/fault.ts';
import { meaningOfExit } from '../providers/proxmox/refusals.ts';
import type { Setbacks } from '../shared/setbacks.ts';

const tasks = {
  move: { reason: 'Moving', doing: 'moves the volume', verb: 'move the volume' },
  restore: { reason: 'Restoring', doing: 'restores the backup', verb: 'restore the backup' },
  grow: { reason: 'Growing', doing: 'grows the volume', verb: 'grow the volume' },
  keeper: { reason: 'Creating', doing: "makes the volume's keeper", verb: "make the volume's keeper" },
  dismiss: { reason: 'Deleting', doing: "removes the volume's keeper", verb: "remove the volume's keeper" },
} as const satisfies Record<string, { reason: Reason; doing: string; verb: string }>;

type VolumeTask = keyof typeof tasks;

const FIRST_LOOK_MS = 50;
const LAST_LOOK_MS = 10_000;

/** Saves the task so that it is followed also by a controller that starts after this one. */
export async function follow(pass: Pass<Volume>, upid: Upid, type: VolumeTask): Promise<Outcome> {
  pass.status = { ...pass.status, task: { upid, type, startedAt: pass.now.toISOString() } };
  await pass.checkpoint();
  return waiting(tasks[type].reason, `Proxmox ${tasks[type].doing}.`, FIRST_LOOK_MS);
}

/** Looks at the task in flight: an outcome while it runs or when it failed; undefined when there is none to wait for. */
export async function followTask(
  pass: Pass<Volume>,
  { client }: ClusterConnection,
  setbacks: Setbacks,
): Promise<Outcome | undefined> {
  const { task } = pass.status;
  if (!task) return undefined;
  const type = readType(task.type);
  const { reason, doing, verb } = tasks[type];
  const node = task.upid.split(':')[1] ?? '';
  const state = await client.task(task.upid, pass.signal).catch((error: unknown) => {
    if (isProxmoxFault(error, 'nodeUnreachable')) return undefined;
    throw error;
  });
  if (!state) return waiting('NodeOffline', `Node ${node} does not answer; it works on the volume.`, 5_000);
  if (state.status === 'running') {
    const ageMs = pass.now.getTime() - Date.parse(task.startedAt);
    return waiting(reason, `Proxmox ${doing}.`, Math.min(LAST_LOOK_MS, Math.max(FIRST_LOOK_MS, ageMs / 8)));
  }
  delete pass.status.task;
  const { uid } = pass.resource.metadata;
  if (state.status === 'unknown') return undefined;
  if (state.ok) {
    setbacks.clear(uid);
    return undefined;
  }
  const meaning = meaningOfExit(state.exit);
  const message = `Proxmox could not ${verb} on ${node}: ${state.exit}.`;
  if (meaning === 'locked' || meaning === 'busy')
    return retry('Locked', message, setbacks.note(uid, { reason: 'Locked', message }, pass.now));
  const isFull = meaning === 'storageFull';
  const trouble = {
    reason: isFull ? 'StorageFull' : type === 'restore' ? 'BackupUnreadable' : 'TaskFailed',
    message: isFull ? `${message} Free space on its storage.` : message,
  } as const;
  const lines = await client.taskLog(task.upid, 5, pass.signal).catch(() => []);
  pass.event(
    'Warning',
    trouble.reason,
    [trouble.message, ...lines.filter((line) => !line.startsWith('TASK'))].join('\n'),
  );
  return retry(trouble.reason, trouble.message, setbacks.note(uid, trouble, pass.now));
}

/** Also what another version wrote is read. */
function readType(text: string): VolumeTask {
  return text === 'move' || text === 'grow' || text === 'keeper' || text === 'restore' ? text : 'dismiss';
}
