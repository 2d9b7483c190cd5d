import { join } from 'node:path';
import { AccessControl } from '../access/access-control.ts';
import type { GuestEngine } from '../engine/engine.ts';
import { FaultPlan } from '../faults/fault-plan.ts';
import { GuestLocks } from '../guests/guest-locks.ts';
import { GuestStore } from '../guests/guest-store.ts';
import { Refusal } from '../refusal.ts';
import { Storages } from '../storage/storages.ts';
import type { TaskMood } from '../tasks/task.ts';
import { TaskRegistry } from '../tasks/task-registry.ts';
import type { ClusterSettings } from './cluster-settings.ts';
import { ClusterStats } from './cluster-stats.ts';
import { WorkerPool } from './worker-pool.ts';

/** One node, as far as it is more than its name. */
export interface ClusterNode {
  readonly name: string;
  online: boolean;
  /** Bridges that guests may be put on. */
  readonly bridges: string[];
  /** The privileged daemon's workers. */
  readonly workers: WorkerPool;
  /** Held by the one backup job that may run. */
  readonly backupLock: WorkerPool;
  readonly bootedAt: number;
}

/** Everything the API serves: its state, and the engine that runs the guests. */
export class Cluster {
  readonly settings: ClusterSettings;
  readonly engine: GuestEngine;
  readonly nodes: ReadonlyMap<string, ClusterNode>;
  readonly access: AccessControl;
  readonly storages: Storages;
  readonly guests: GuestStore;
  readonly locks: GuestLocks;
  readonly tasks: TaskRegistry;
  readonly faults = new FaultPlan();
  readonly stats: ClusterStats;
  /** False: the cluster has lost its quorum and refuses most writes. */
  quorate = true;
  /** Of the certificate that every node shows. */
  fingerprint = '';
  /** Tasks that ran when an earlier process with this data folder died. */
  readonly interrupted: readonly string[];

  constructor(settings: ClusterSettings, engine: GuestEngine) {
    this.settings = settings;
    this.engine = engine;
    const { dataDir, nodes, bridge, now } = settings;
    this.guests = new GuestStore(dataDir, nodes);
    this.storages = new Storages(dataDir, nodes);
    this.access = new AccessControl(join(dataDir, 'access.json'));
    this.locks = new GuestLocks(settings.lockWaitMs);
    this.tasks = new TaskRegistry({ dataDir, now, moodOf: (task) => this.#moodOf(task) });
    this.nodes = new Map(
      nodes.map((name) => [
        name,
        {
          name,
          online: true,
          bridges: [bridge],
          workers: new WorkerPool(settings.workersPerNode),
          backupLock: new WorkerPool(1),
          bootedAt: now(),
        },
      ]),
    );
    this.interrupted = nodes.flatMap((node) => this.tasks.addNode(node));
    this.stats = new ClusterStats(this);
  }

  /** Unix time in milliseconds. */
  now(): number {
    return this.settings.now();
  }

  node(name: string): ClusterNode {
    const node = this.nodes.get(name);
    if (!node) throw new Error(`${name} is no node of this cluster`);
    return node;
  }

  /** Refuses writes while there is no quorum. */
  requireQuorum(): void {
    if (!this.quorate) throw new Refusal('cluster not ready - no quorum?');
  }

  #moodOf({ node, type, id }: { node: string; type: string; id: string }): TaskMood {
    const { taskTimes } = this.settings;
    const fault = this.faults.takeTask({ node, type, id });
    const extraMs = (taskTimes[`${node}/${type}`] ?? taskTimes[type] ?? 0) + (fault?.extraMs ?? 0);
    return {
      extraMs,
      ...(fault?.error !== undefined && { error: fault.error }),
      ...(fault?.killed !== undefined && { killed: fault.killed }),
    };
  }
}
