import { destroyGuest, refuseDestruction } from '../guests/destroy-guest.ts';
import { Refusal } from '../refusal.ts';
import { createGuestCall } from './create-guest-call.ts';
import { guestParameters, onGuest, vmidOf, type Call } from './call.ts';
import { startTask } from './guest-status-calls.ts';

const flag = { type: 'boolean', optional: true } as const;

/** Making and destroying containers. */
export const guestLifeCalls: readonly Call[] = [
  createGuestCall,
  {
    method: 'DELETE',
    path: '/nodes/{node}/lxc/{vmid}',
    protected: true,
    proxied: true,
    permission: onGuest('VM.Allocate'),
    parameters: { ...guestParameters, 'destroy-unreferenced-disks': flag, force: flag, purge: flag },
    handle: (context) => {
      const { cluster, node, args } = context;
      cluster.requireQuorum();
      const vmid = vmidOf(context);
      const guest = cluster.guests.get(vmid, node);
      refuseDestruction(guest);
      const how = { force: args.flag('force'), purge: args.flag('purge') };
      if (!how.force && cluster.engine.isRunning(vmid)) {
        throw new Refusal(`unable to destroy CT ${vmid} - container is running`);
      }
      return startTask(context, 'vzdestroy', (task) => destroyGuest(cluster, vmid, node, how, task));
    },
  },
];
