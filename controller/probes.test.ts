import { describe, expect, it } from 'vitest';
import { FakeClock, settle } from '../test/harness/fake-clock.ts';
import { Probes } from './probes.ts';

describe('Probes', () => {
  it('is well without checks', async () => {
    const probes = new Probes(new FakeClock());
    expect(await probes.health()).toEqual({ ok: true, checks: [] });
  });

  it('names each check and why it fails', async () => {
    const probes = new Probes(new FakeClock());
    probes.addReadinessCheck('cache', () => true);
    probes.addReadinessCheck('store', async () => 'The store does not answer.');
    probes.addReadinessCheck('api', () => {
      throw new Error('broken');
    });
    expect(await probes.readiness()).toEqual({
      ok: false,
      checks: [
        { name: 'cache', ok: true },
        { name: 'store', ok: false, message: 'The store does not answer.' },
        { name: 'api', ok: false, message: 'broken' },
      ],
    });
  });

  it('keeps health and readiness apart', async () => {
    const probes = new Probes(new FakeClock());
    probes.addReadinessCheck('cache', () => 'Not yet.');
    expect((await probes.health()).ok).toBe(true);
  });

  it('does not wait for a check that does not answer', async () => {
    const clock = new FakeClock();
    const probes = new Probes(clock);
    probes.addHealthCheck('store', () => new Promise(() => undefined));
    const asked = probes.health();
    await settle();
    await clock.advance(2_000);
    expect(await asked).toEqual({
      ok: false,
      checks: [{ name: 'store', ok: false, message: 'No answer within 2 s.' }],
    });
  });
});
