import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { ControllerMetrics } from './controller.ts';
import type { Outcome } from './outcome.ts';

/** What the process tells Prometheus, under the names of controller-runtime, so that its dashboards and alerts fit. */
export interface Metrics {
  readonly registry: Registry;
  /** For one controller, by the singular name of its kind. */
  forController(controller: string): ControllerMetrics;
  setLeader(leads: boolean): void;
}

const PASS_SECONDS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
const QUEUE_SECONDS = [0.0001, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 10, 60];

/** A registry of its own with the metrics of controllers, queues and leadership, and those of the Node process. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });

  const byController = { labelNames: ['controller'], registers } as const;
  const byQueue = { labelNames: ['name', 'controller'], registers } as const;
  const passes = new Counter({
    name: 'controller_runtime_reconcile_total',
    help: 'Passes by how they ended: success, requeue_after (waiting), error (failed or stalled).',
    labelNames: ['controller', 'result'],
    registers,
  });
  const errors = new Counter({
    name: 'controller_runtime_reconcile_errors_total',
    help: 'Passes that failed or found that only a person can help.',
    ...byController,
  });
  const terminal = new Counter({
    name: 'controller_runtime_terminal_reconcile_errors_total',
    help: 'Passes that found that only a new spec or a person can help.',
    ...byController,
  });
  const seconds = new Histogram({
    name: 'controller_runtime_reconcile_time_seconds',
    help: 'How long passes took.',
    buckets: PASS_SECONDS,
    ...byController,
  });
  const active = new Gauge({
    name: 'controller_runtime_active_workers',
    help: 'Passes under way.',
    ...byController,
  });
  const depth = new Gauge({ name: 'workqueue_depth', help: 'Objects that wait for a worker.', ...byQueue });
  const adds = new Counter({ name: 'workqueue_adds_total', help: 'Wakings, before they are merged.', ...byQueue });
  const retries = new Counter({ name: 'workqueue_retries_total', help: 'Failed passes put back.', ...byQueue });
  const waited = new Histogram({
    name: 'workqueue_queue_duration_seconds',
    help: 'From waking to the beginning of the pass.',
    buckets: QUEUE_SECONDS,
    ...byQueue,
  });
  const worked = new Histogram({
    name: 'workqueue_work_duration_seconds',
    help: 'How long workers had an object.',
    buckets: PASS_SECONDS,
    ...byQueue,
  });
  const leader = new Gauge({
    name: 'leader_election_master_status',
    help: '1 while this process leads.',
    labelNames: ['name'],
    registers,
  });
  leader.set({ name: 'controller' }, 0);

  return {
    registry,

    forController(controller) {
      const queue = { name: controller, controller };
      for (const result of ['success', 'requeue_after', 'error']) passes.inc({ controller, result }, 0);
      errors.inc({ controller }, 0);
      return {
        queue: {
          added: () => adds.inc(queue),
          retried: () => retries.inc(queue),
          depth: (waiting) => depth.set(queue, waiting),
          started: (waitedMs) => waited.observe(queue, waitedMs / 1_000),
          finished: (tookMs) => worked.observe(queue, tookMs / 1_000),
        },
        passed(outcome, tookMs) {
          passes.inc({ controller, result: resultOf(outcome) });
          seconds.observe({ controller }, tookMs / 1_000);
          if (resultOf(outcome) === 'error') errors.inc({ controller });
          if (outcome?.type === 'stalled') terminal.inc({ controller });
        },
        workers: (count) => active.set({ controller }, count),
      };
    },

    setLeader: (leads) => leader.set({ name: 'controller' }, leads ? 1 : 0),
  };
}

function resultOf(outcome: Outcome | undefined): 'success' | 'requeue_after' | 'error' {
  switch (outcome?.type) {
    case undefined:
    case 'settled':
      return 'success';
    case 'waiting':
      return 'requeue_after';
    case 'stalled':
    case 'retry':
      return 'error';
    default:
      return outcome satisfies undefined;
  }
}
