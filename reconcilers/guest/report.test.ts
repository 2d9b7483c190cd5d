import { describe, expect, it } from 'vitest';
import type { Guest } from '../../crds/guest.ts';
import { testGuest } from '../shared/testing.ts';
import type { GuestFacts } from './observe.ts';
import { readyCheckAfterMs, reportGuest, type LiveFacts } from './report.ts';

const now = new Date('2026-01-01T01:00:00Z');
const ago = (ms: number): string => new Date(now.getTime() - ms).toISOString();
const ours = { seen: 'ours', node: 'pve2', running: true, lock: undefined, config: undefined } as const;
const blind: LiveFacts = { link: undefined, health: undefined, addresses: [] };
const link = { connected: true, process: 'listening', listening: true, restarts: 0 } as const;
const setback = { reason: 'TaskFailed', message: 'It broke.' } as const;
const made = {
  node: 'pve1',
  vmid: 20_000,
  created: true,
  reservedAddress: '10.40.0.50/24',
  startedAt: ago(60_000),
  startedDigest: 'x',
};

function report(
  facts: GuestFacts,
  about: { live?: Partial<LiveFacts>; status?: Partial<Guest['status']>; spec?: object; failed?: boolean } = {},
): Guest['status'] & { said: string } {
  const guest = testGuest({ ...about.spec }, { ...made, ...about.status });
  const findings = { facts, live: { ...blind, ...about.live }, setback: about.failed ? setback : undefined };
  const status = reportGuest(guest, guest.status, findings, now);
  const ready = status.conditions.find(({ type }) => type === 'Ready');
  return { ...status, said: `${ready?.status} ${ready?.reason}` };
}

describe('reportGuest', () => {
  it.each<[string, GuestFacts, Parameters<typeof report>[1], string]>([
    ['nobody can look', { seen: 'unknown', reason: 'NodeOffline', message: 'x' }, {}, 'Unknown NodeOffline'],
    ['it was never made', { seen: 'absent' }, { status: { created: false } }, 'False Creating'],
    ['making it failed', { seen: 'absent' }, { status: { created: false }, failed: true }, 'False TaskFailed'],
    ['it is gone', { seen: 'absent' }, {}, 'False GuestMissing'],
    ['a stranger has its vmid', { seen: 'foreign', node: 'pve1' }, {}, 'False OwnerMismatch'],
    ['its marks are gone', { seen: 'markless', node: 'pve1' }, {}, 'False IdentityMissing'],
    ['it stands still', { ...ours, running: false }, {}, 'False Starting'],
    ['it stands still under a lock', { ...ours, running: false, lock: 'backup' }, {}, 'False Locked'],
    ['it stands still as asked', { ...ours, running: false }, { spec: { power: 'stopped' } }, 'False Stopped'],
    ['starting it failed', { ...ours, running: false }, { failed: true }, 'False TaskFailed'],
    ['starting it failed and it runs', ours, { live: { health: { healthy: true } }, failed: true }, 'True Healthy'],
    ['it keeps stopping', { ...ours, running: false }, { status: { crashes: 2 } }, 'False CrashLoop'],
    ['its process keeps ending', ours, { live: { link: { ...link, process: 'backoff' } } }, 'False CrashLoop'],
    ['its health check passes', ours, { live: { health: { healthy: true } } }, 'True Healthy'],
    ['its health check fails', ours, { live: { health: { healthy: false, why: '503' } } }, 'False Unhealthy'],
    ['its health is not settled', ours, { live: { health: { healthy: undefined } } }, 'False HealthUnknown'],
    [
      'its process ended for good',
      ours,
      { status: { finished: true, lastExit: { code: 1, at: ago(1) } } },
      'False Finished',
    ],
    ['it ended for good and is gone', { seen: 'absent' }, { status: { finished: true } }, 'False Finished'],
    ['it has no address', ours, { status: { reservedAddress: undefined } }, 'False AddressPending'],
    ['it runs steadily and is asked nothing', ours, { live: { link } }, 'True Healthy'],
    ['it runs steadily and nobody can ask it', ours, {}, 'True Healthy'],
    ['it is held', ours, { spec: { hold: true }, live: { link: { ...link, process: 'held' } } }, 'True Held'],
    ['it should be held and nobody can ask it', ours, { spec: { hold: true } }, 'False HealthUnknown'],
    ['it cannot be held', ours, { spec: { hold: true }, live: { link } }, 'False SupervisorOutdated'],
    ['it was held until now', ours, { live: { link: { ...link, process: 'held' } } }, 'False HealthUnknown'],
  ])('when %s', (_, facts, about, said) => {
    expect(report(facts, about).said).toBe(said);
  });

  it('keeps how a process ended that is finished, whatever is heard later', () => {
    const status = { finished: true, lastExit: { code: 1, at: ago(1) } };
    const heard = { link: { ...link, lastExit: { code: 0, at: now } } };
    expect(report(ours, { status, live: heard }).lastExit).toEqual(status.lastExit);
  });

  it('tells what the environment lacks and which disks nobody knows beside whether it serves', () => {
    const findings = {
      facts: ours,
      live: { ...blind, health: { healthy: true } },
      missing: { reason: 'ConfigMissing', message: 'There is no Secret.' } as const,
      strangeDisks: [{ key: 'mp3', volid: 'local:7' }],
    };
    const guest = testGuest({}, made);
    const told = reportGuest(guest, guest.status, findings, now);
    const words = (status: Guest['status']) =>
      status.conditions
        .filter(({ status: holds }) => holds === 'False')
        .map(({ type, message }) => `${type}: ${message}`);
    expect(words(told)).toEqual([
      'AgentReady: The supervisor in the guest does not answer.',
      'Configured: There is no Secret.',
      expect.stringMatching(/^DisksKnown: Guest 20000 has mp3 \(local:7\) of no Volume/),
    ]);
    const notLooked = reportGuest(guest, told, { ...findings, missing: undefined, strangeDisks: undefined }, now);
    expect(words(notLooked)).toHaveLength(2);
    const mended = reportGuest(guest, told, { ...findings, missing: undefined, strangeDisks: [] }, now);
    expect(words(mended)).toHaveLength(1);
  });

  it('forgets that a process was healthy when it is held', () => {
    const about = { spec: { hold: true }, status: { healthy: true } };
    expect(report(ours, { ...about, live: { link: { ...link, process: 'held' } } }).healthy).toBeUndefined();
  });

  it('follows a guest to another node', () => {
    expect(report(ours).node).toBe('pve2');
  });

  it('guesses nothing from what is unknown', () => {
    const known = { addresses: ['10.40.0.50'], healthy: true };
    expect(report({ seen: 'unknown', reason: 'NodeOffline', message: 'x' }, { status: known })).toMatchObject({
      ...known,
      power: 'unknown',
      node: 'pve1',
    });
  });

  it('begins the time of grace once, and forgets it when the guest is seen again', () => {
    const missingSince = ago(5_000);
    expect(report({ seen: 'absent' }).missingSince).toBe(now.toISOString());
    expect(report({ seen: 'absent' }, { status: { missingSince } }).missingSince).toBe(missingSince);
    expect(report(ours, { status: { missingSince } }).missingSince).toBeUndefined();
  });
});

describe('readyCheckAfterMs', () => {
  it.each([
    ['a guest that is ready', { healthy: true }, blind, undefined],
    ['one with a health check', {}, { ...blind, health: { healthy: undefined } }, undefined],
    ['one that was just started and answers', { startedAt: ago(500) }, { ...blind, link }, 1_500],
    ['one that was just started and does not answer', { startedAt: ago(5_000) }, blind, 10_000],
  ])('for %s', (_, status, live, expected) => {
    expect(readyCheckAfterMs(testGuest({}, { ...made, ...status }).status, live, now)).toBe(expected);
  });
});
