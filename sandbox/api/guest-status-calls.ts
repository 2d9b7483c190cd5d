import { invalidParameters, Refusal } from '../refusal.ts';
import { guestStatus } from '../guests/guest-status.ts';
import { rebootGuest, shutdownGuest, startGuest, stopGuest } from '../guests/power-guest.ts';
import { isRoot } from '../access/identity.ts';
import { guestParameters, nodeParameter, onGuest, vmidOf, type Call, type CallContext } from './call.ts';

const flag = { type: 'boolean', optional: true } as const;
const guestPath = '/nodes/{node}/lxc/{vmid}';

/** Looking at containers, and starting and stopping them. */
export const guestStatusCalls: readonly Call[] = [
  {
    method: 'GET',
    path: '/nodes/{node}/lxc',
    protected: true,
    proxied: true,
    permission: { user: 'all' },
    parameters: nodeParameter,
    handle: async ({ cluster, identity, node }) => {
      const seen = [...cluster.guests.all()].filter(
        (guest) => guest.node === node && cluster.access.has(identity, `/vms/${guest.vmid}`, 'VM.Audit'),
      );
      return Promise.all(seen.map((guest) => guestStatus(cluster, guest)));
    },
  },
  {
    method: 'GET',
    path: guestPath,
    proxied: true,
    permission: { user: 'all' },
    parameters: guestParameters,
    handle: (context) => {
      context.cluster.guests.get(vmidOf(context), context.node);
      return subdirs(
        'config pending status vncproxy termproxy vncwebsocket spiceproxy migrate clone rrd rrddata firewall snapshot resize interfaces',
      );
    },
  },
  {
    method: 'GET',
    path: `${guestPath}/status`,
    proxied: true,
    permission: { user: 'all' },
    parameters: guestParameters,
    handle: (context) => {
      context.cluster.guests.get(vmidOf(context), context.node);
      return subdirs('current start stop shutdown reboot migrate');
    },
  },
  {
    method: 'GET',
    path: `${guestPath}/status/current`,
    protected: true,
    proxied: true,
    permission: onGuest('VM.Audit'),
    parameters: guestParameters,
    handle: async (context) => {
      const guest = context.cluster.guests.get(vmidOf(context), context.node);
      return { ...(await guestStatus(context.cluster, guest)), ha: { managed: 0 } };
    },
  },
  {
    method: 'GET',
    path: `${guestPath}/interfaces`,
    protected: true,
    proxied: true,
    permission: onGuest('VM.Audit'),
    parameters: guestParameters,
    handle: listInterfaces,
  },
  {
    method: 'POST',
    path: `${guestPath}/status/start`,
    protected: true,
    proxied: true,
    permission: onGuest('VM.PowerMgmt'),
    parameters: { ...guestParameters, debug: flag, skiplock: flag },
    handle: (context) => {
      refuseSkipLock(context);
      const vmid = vmidOf(context);
      if (runsHere(context, vmid)) throw new Refusal(`CT ${vmid} already running`);
      return startTask(context, 'vzstart', (task) => startGuest(context.cluster, vmid, context.node, task));
    },
  },
  {
    method: 'POST',
    path: `${guestPath}/status/stop`,
    protected: true,
    proxied: true,
    permission: onGuest('VM.PowerMgmt'),
    parameters: { ...guestParameters, 'overrule-shutdown': flag, skiplock: flag },
    handle: (context) => {
      refuseSkipLock(context);
      const vmid = refuseStopped(context, 'CT');
      if (context.args.flag('overrule-shutdown')) abortShutdowns(context, vmid);
      return startTask(context, 'vzstop', (task) => stopGuest(context.cluster, vmid, context.node, task));
    },
  },
  {
    method: 'POST',
    path: `${guestPath}/status/shutdown`,
    protected: true,
    proxied: true,
    permission: onGuest('VM.PowerMgmt'),
    parameters: { ...guestParameters, forceStop: flag, timeout: { type: 'integer', minimum: 0, optional: true } },
    handle: (context) => {
      const { cluster, node, args } = context;
      const vmid = refuseStopped(context, 'CT');
      const how = { timeoutSeconds: args.number('timeout') ?? 60, force: args.flag('forceStop') };
      return startTask(context, 'vzshutdown', (task) => shutdownGuest(cluster, vmid, node, how, task));
    },
  },
  {
    method: 'POST',
    path: `${guestPath}/status/reboot`,
    protected: true,
    proxied: true,
    permission: onGuest('VM.PowerMgmt'),
    parameters: { ...guestParameters, timeout: { type: 'integer', minimum: 0, optional: true } },
    handle: (context) => {
      const vmid = refuseStopped(context, 'VM');
      const timeout = context.args.number('timeout') ?? 60;
      return startTask(context, 'vzreboot', (task) => rebootGuest(context.cluster, vmid, context.node, timeout, task));
    },
  },
];

/** Starts a task whose id is the guest's. */
export function startTask(
  context: CallContext,
  type: string,
  work: Parameters<CallContext['cluster']['tasks']['start']>[0]['work'],
): string {
  const { cluster, identity, node } = context;
  return cluster.tasks.start({ node, type, id: String(vmidOf(context)), user: identity.id, work });
}

/** Entries of an index. */
export function subdirs(names: string): { subdir: string }[] {
  return names.split(' ').map((subdir) => ({ subdir }));
}

function refuseSkipLock({ args, identity }: CallContext): void {
  if (args.flag('skiplock') && !isRoot(identity)) {
    throw invalidParameters({ skiplock: 'Only root may use this option.' });
  }
}

function refuseStopped(context: CallContext, word: 'CT' | 'VM'): number {
  const vmid = vmidOf(context);
  if (!runsHere(context, vmid)) throw new Refusal(`${word} ${vmid} not running`);
  return vmid;
}

function runsHere({ cluster, node }: CallContext, vmid: number): boolean {
  return cluster.guests.find(vmid)?.node === node && cluster.engine.isRunning(vmid);
}

function abortShutdowns({ cluster, identity }: CallContext, vmid: number): void {
  for (const task of cluster.tasks.running()) {
    const { type, id, user } = task.parts;
    if (type === 'vzshutdown' && id === String(vmid) && user === identity.id) task.kill();
  }
}

async function listInterfaces(context: CallContext): Promise<unknown> {
  const vmid = vmidOf(context);
  if (!runsHere(context, vmid)) return null;
  const interfaces = await context.cluster.engine.interfaces(vmid);
  return interfaces.map(({ name, mac, inet, inet6 }) => ({
    name,
    hwaddr: mac,
    'hardware-address': mac,
    ...(inet !== undefined && { inet }),
    ...(inet6 !== undefined && { inet6 }),
    'ip-addresses': [
      ...(inet === undefined ? [] : [addressOf(inet, 'inet')]),
      ...(inet6 === undefined ? [] : [addressOf(inet6, 'inet6')]),
    ],
  }));
}

function addressOf(cidr: string, type: 'inet' | 'inet6'): Record<string, string> {
  const [address = '', prefix = ''] = cidr.split('/');
  return { 'ip-address': address, prefix, 'ip-address-type': type };
}
