import { requireAll } from '../access/permission.ts';
import { moveToGuest, moveToStorage, checkMove, type VolumeMove } from '../guests/move-volume.ts';
import { refuseLocked } from '../guests/power-guest.ts';
import { planResize, resizeVolume } from '../guests/resize-volume.ts';
import { invalidParameters, Refusal } from '../refusal.ts';
import { guestParameters, onGuest, vmidOf, vmidParameter, type Call, type CallContext } from './call.ts';
import { startTask } from './guest-status-calls.ts';

const guestPath = '/nodes/{node}/lxc/{vmid}';
const digest = { type: 'string', maxLength: 40, optional: true } as const;
const snapshotName = { type: 'string', format: 'pve-configid', maxLength: 40 } as const;
const mountKeys = ['rootfs', ...Array.from({ length: 256 }, (_, index) => `mp${index}`)];
const volumeKeys = [...mountKeys, ...Array.from({ length: 256 }, (_, index) => `unused${index}`)];

/** A container's disks: growing, moving, snapshots. */
export const guestDiskCalls: readonly Call[] = [
  {
    method: 'PUT',
    path: `${guestPath}/resize`,
    protected: true,
    proxied: true,
    permission: { path: '/vms/{vmid}', privileges: ['VM.Config.Disk'], any: true },
    parameters: {
      ...guestParameters,
      digest,
      disk: { type: 'string', enum: mountKeys },
      size: { type: 'string', pattern: /^\+?\d+(\.\d+)?[KMGT]?$/ },
    },
    handle: (context) => {
      const { cluster, args, identity, node } = context;
      cluster.requireQuorum();
      const plan = planResize(cluster, vmidOf(context), node, args.required('disk'), args.required('size'));
      requireAll(cluster.access, identity, `/storage/${plan.storageName}`, ['Datastore.AllocateSpace']);
      requireDigest(context, args.text('digest'), plan.vmid);
      return startTask(context, 'resize', (task) => resizeVolume(cluster, plan, task));
    },
  },
  {
    method: 'POST',
    path: `${guestPath}/move_volume`,
    protected: true,
    proxied: true,
    permission: onGuest('VM.Config.Disk'),
    parameters: {
      ...guestParameters,
      bwlimit: { type: 'number', minimum: 0, optional: true },
      delete: { type: 'boolean', optional: true },
      digest,
      storage: { type: 'string', format: 'pve-storage-id', optional: true },
      'target-digest': digest,
      'target-vmid': { ...vmidParameter, optional: true },
      'target-volume': { type: 'string', enum: volumeKeys, optional: true },
      volume: { type: 'string', enum: volumeKeys },
    },
    handle: moveVolume,
  },
  {
    method: 'GET',
    path: `${guestPath}/snapshot`,
    protected: true,
    proxied: true,
    permission: onGuest('VM.Audit'),
    parameters: guestParameters,
    handle: (context) => {
      const vmid = vmidOf(context);
      const guest = context.cluster.guests.get(vmid, context.node);
      const running = context.cluster.engine.isRunning(vmid) ? 1 : 0;
      return [{ name: 'current', description: 'You are here!', digest: guest.digest, running }];
    },
  },
  {
    method: 'POST',
    path: `${guestPath}/snapshot`,
    protected: true,
    proxied: true,
    permission: onGuest('VM.Snapshot'),
    parameters: { ...guestParameters, description: { type: 'string', optional: true }, snapname: snapshotName },
    handle: (context) =>
      startTask(context, 'vzsnapshot', async (task) => {
        const { cluster, node } = context;
        await cluster.locks.hold(
          vmidOf(context),
          () => {
            refuseLocked(cluster.guests.get(vmidOf(context), node));
            throw new Refusal('snapshot feature is not available');
          },
          task,
        );
      }),
  },
  {
    method: 'GET',
    path: `${guestPath}/feature`,
    protected: true,
    proxied: true,
    permission: onGuest('VM.Audit'),
    parameters: {
      ...guestParameters,
      feature: { type: 'string', enum: ['snapshot', 'clone', 'copy'] },
      snapname: { ...snapshotName, optional: true },
    },
    handle: (context) => {
      context.cluster.guests.get(vmidOf(context), context.node);
      return { hasFeature: context.args.text('feature') === 'copy' ? 1 : 0 };
    },
  },
];

function moveVolume(context: CallContext): string {
  const { cluster, args, identity, node } = context;
  cluster.requireQuorum();
  const vmid = vmidOf(context);
  const key = args.required('volume');
  const storage = args.text('storage');
  const targetVmid = args.number('target-vmid');
  if (storage !== undefined && targetVmid !== undefined) {
    throw invalidParameters({ storage: 'storage parameter cannot be set with target-vmid' });
  }
  if (targetVmid === undefined) {
    if (storage === undefined) throw invalidParameters({ storage: 'either target-vmid or storage must be set' });
    requireAll(cluster.access, identity, `/storage/${storage}`, ['Datastore.AllocateSpace']);
    cluster.storages.enabled(storage, node);
    requireDigest(context, args.text('digest'), vmid);
    const move = { vmid, node, key, storage, deletesSource: args.flag('delete') };
    return startTask(context, 'move_volume', (task) => moveToStorage(cluster, move, task));
  }
  requireAll(cluster.access, identity, `/vms/${targetVmid}`, ['VM.Config.Disk']);
  const move: VolumeMove = { vmid, node, key, targetVmid, targetKey: args.text('target-volume') ?? key };
  checkMove(cluster, move);
  requireDigest(context, args.text('digest'), vmid);
  requireDigest(context, args.text('target-digest'), targetVmid);
  return cluster.tasks.start({
    node,
    type: 'move_volume',
    id: `${vmid}-${key}>${targetVmid}-${move.targetKey}`,
    user: identity.id,
    work: (task) => moveToGuest(cluster, move, task),
  });
}

function requireDigest({ cluster, node }: CallContext, digest: string | undefined, vmid: number): void {
  if (digest === undefined || digest === cluster.guests.get(vmid, node).digest) return;
  throw new Refusal('detected modified configuration - file changed by other user? Try again.');
}
