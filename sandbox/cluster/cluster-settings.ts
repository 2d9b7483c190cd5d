/** How the cluster is built and how long things take in it. */
export interface ClusterSettings {
  dataDir: string;
  nodes: readonly string[];
  /** Name of the one bridge that every node has. */
  bridge: string;
  /** Per node, as shown. */
  cores: number;
  memoryMiB: number;
  /** Extra milliseconds for each kind of task, by `vzcreate` or, for one node, `pve1/vzcreate`. */
  taskTimes: Readonly<Record<string, number>>;
  /** How long a call or task waits for a guest's config lock. */
  lockWaitMs: number;
  /** How long a refused login waits for its answer. */
  authDelayMs: number;
  /** How often the statistics of /cluster/resources are renewed; 0: only by hand. */
  statsTickMs: number;
  workersPerNode: number;
  /** After this long a call through the proxy is answered with 596, whatever becomes of it. */
  proxyTimeoutMs: number;
  /** Between asking a task to end and killing it. */
  taskStopWaitMs: number;
  /** Unix time in milliseconds. */
  now: () => number;
}
