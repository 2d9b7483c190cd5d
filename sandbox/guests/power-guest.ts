import type { Cluster } from '../cluster/cluster.ts';
import { EngineError } from '../engine/engine.ts';
import { Refusal } from '../refusal.ts';
import type { TaskContext } from '../tasks/task.ts';
import { applyPending } from './apply-pending.ts';
import { machineOf, nicsOf } from './guest-machine.ts';
import type { Guest } from './guest-store.ts';

/** How a guest is to be shut down. */
export interface Shutdown {
  timeoutSeconds: number;
  /** Kills what still runs after the timeout. */
  force: boolean;
}

/** Refuses while the config carries a lock. */
export function refuseLocked({ config }: Guest): void {
  const lock = config.options.get('lock');
  if (lock !== undefined) throw new Refusal(`CT is locked (${lock})`);
}

/** The work of `vzstart`. */
export async function startGuest(cluster: Cluster, vmid: number, node: string, task: TaskContext): Promise<void> {
  await cluster.locks.hold(vmid, () => startLocked(cluster, vmid, node, task), task);
}

/** Starts with the guest's lock held already. */
export async function startLocked(cluster: Cluster, vmid: number, node: string, task: TaskContext): Promise<void> {
  refuseLocked(cluster.guests.get(vmid, node));
  if (cluster.engine.isRunning(vmid)) throw new Refusal(`CT ${vmid} already running`);
  await task.takeTime();
  await applyPending(cluster, vmid);
  const guest = cluster.guests.get(vmid, node);
  for (const { bridge } of nicsOf(guest.config.options)) {
    if (bridge !== '' && !cluster.node(node).bridges.includes(bridge)) {
      throw new Refusal(`bridge '${bridge}' does not exist`);
    }
  }
  try {
    await cluster.engine.start(machineOf(guest, cluster.storages, cluster.settings.cores));
  } catch (error) {
    if (error instanceof EngineError) for (const line of error.log) task.log(line);
    throw error;
  }
}

/** The work of `vzstop`. */
export async function stopGuest(cluster: Cluster, vmid: number, node: string, task: TaskContext): Promise<void> {
  await cluster.locks.hold(
    vmid,
    async () => {
      refuseLocked(cluster.guests.get(vmid, node));
      await task.takeTime();
      await cluster.engine.stop(vmid);
      await applyPending(cluster, vmid);
    },
    task,
  );
}

/** The work of `vzshutdown`. */
export async function shutdownGuest(
  cluster: Cluster,
  vmid: number,
  node: string,
  { timeoutSeconds, force }: Shutdown,
  task: TaskContext,
): Promise<void> {
  await cluster.locks.hold(
    vmid,
    async () => {
      refuseLocked(cluster.guests.get(vmid, node));
      await task.takeTime();
      const stopped = await interruptible(cluster, vmid, timeoutSeconds, task);
      if (!stopped && !force) {
        task.log(`command 'lxc-stop -n ${vmid} --nokill --timeout ${timeoutSeconds}' failed: exit code 1`);
        throw new Refusal('container did not stop');
      }
      if (!stopped) await cluster.engine.stop(vmid);
      await applyPending(cluster, vmid);
    },
    task,
  );
}

/** The work of `vzreboot`. It does not look at the config's lock before it stops. */
export async function rebootGuest(
  cluster: Cluster,
  vmid: number,
  node: string,
  timeoutSeconds: number,
  task: TaskContext,
): Promise<void> {
  await cluster.locks.hold(
    vmid,
    async () => {
      if (!(await cluster.engine.shutdown(vmid, timeoutSeconds * 1000))) await cluster.engine.stop(vmid);
      await startLocked(cluster, vmid, node, task);
    },
    task,
  );
}

/** A shutdown that is asked to end does not: its command is gone, but the worker waits on until it is killed. */
async function interruptible(
  cluster: Cluster,
  vmid: number,
  timeoutSeconds: number,
  task: TaskContext,
): Promise<boolean> {
  const interrupted = new Promise<never>(() => {
    task.signal.addEventListener('abort', () => {
      task.log(`command 'lxc-stop -n ${vmid} --nokill --timeout ${timeoutSeconds}' failed: received interrupt`);
    });
  });
  return Promise.race([
    cluster.engine
      .shutdown(vmid, timeoutSeconds * 1000)
      .then((stopped) => (task.signal.aborted ? interrupted : stopped)),
    interrupted,
  ]);
}
