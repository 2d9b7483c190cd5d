import { describe, expect, it } from 'vitest';
import { createMetrics } from './metrics.ts';
import { retry, settled, stalled, waiting } from './outcome.ts';

describe('createMetrics', () => {
  it('counts passes by how they ended, under the names of controller-runtime', async () => {
    const metrics = createMetrics();
    const guest = metrics.forController('guest');
    guest.passed(settled(), 10);
    guest.passed(undefined, 10);
    guest.passed(waiting('Creating', 'x'), 10);
    guest.passed(retry('Throttled', 'x'), 10);
    guest.passed(stalled('Rejected', 'x'), 2_000);
    const text = await metrics.registry.metrics();
    expect(text).toContain('controller_runtime_reconcile_total{controller="guest",result="success"} 2');
    expect(text).toContain('controller_runtime_reconcile_total{controller="guest",result="requeue_after"} 1');
    expect(text).toContain('controller_runtime_reconcile_total{controller="guest",result="error"} 2');
    expect(text).toContain('controller_runtime_reconcile_errors_total{controller="guest"} 2');
    expect(text).toContain('controller_runtime_terminal_reconcile_errors_total{controller="guest"} 1');
    expect(text).toContain('controller_runtime_reconcile_time_seconds_bucket{le="1",controller="guest"} 4');
  });

  it('shows the queue, the workers and who leads', async () => {
    const metrics = createMetrics();
    const { queue, workers } = metrics.forController('guest');
    queue.added();
    queue.retried();
    queue.depth(3);
    queue.started(20);
    queue.finished(70);
    workers(2);
    metrics.setLeader(true);
    const text = await metrics.registry.metrics();
    expect(text).toContain('workqueue_depth{name="guest",controller="guest"} 3');
    expect(text).toContain('workqueue_adds_total{name="guest",controller="guest"} 1');
    expect(text).toContain('workqueue_retries_total{name="guest",controller="guest"} 1');
    expect(text).toContain('workqueue_queue_duration_seconds_bucket{le="0.025",name="guest",controller="guest"} 1');
    expect(text).toContain('workqueue_work_duration_seconds_sum{name="guest",controller="guest"} 0.07');
    expect(text).toContain('controller_runtime_active_workers{controller="guest"} 2');
    expect(text).toContain('leader_election_master_status{name="controller"} 1');
    expect(text).toContain('process_resident_memory_bytes');
  });
});
