import { describe, expect, it } from 'vitest';
import type { GuestLinkState } from '../providers/guest/guest-links.ts';
import { testGuest } from '../shared/testing.ts';
import { endInWords, noteEnd } from './finish.ts';
import type { GuestFacts } from './observe.ts';

const now = new Date('2026-01-01T01:00:00Z');
const ours = { seen: 'ours', node: 'pve1', running: true, lock: undefined, config: undefined } as const;
const stopped: GuestFacts = { ...ours, running: false };
const ran = { startedDigest: 'x', power: 'running' };
const exit = { code: 3, at: now };
const kept = { code: 3, at: now.toISOString() };

function link(state: Partial<GuestLinkState>): GuestLinkState {
  return { connected: true, process: 'running', listening: false, restarts: 0, ...state };
}

function end(
  restart: string,
  facts: GuestFacts,
  about: { link?: GuestLinkState; status?: Record<string, unknown> } = {},
): unknown {
  const guest = testGuest({ process: { command: ['/app'], restart } }, { ...ran, ...about.status });
  const { finished, lastExit } = noteEnd(guest, { facts, link: about.link }, now);
  return finished ? lastExit : 'goes on';
}

const finished = link({ process: 'finished', lastExit: exit });
const unknown = { at: now.toISOString() };
const longAgo = '2026-01-01T00:00:00Z';

describe('noteEnd', () => {
  it.each<[string, string, GuestFacts, Parameters<typeof end>[2], unknown]>([
    ['the supervisor says so', 'Never', ours, { link: finished }, kept],
    ['the supervisor says so, of one that is tried again', 'OnFailure', ours, { link: finished }, kept],
    ['the supervisor lost how it ended', 'Never', ours, { link: link({ process: 'finished' }) }, unknown],
    ['it stopped and nobody heard how', 'Never', stopped, {}, unknown],
    ['it stopped right after its exit was heard', 'Never', stopped, { link: link({ lastExit: exit }) }, kept],
    ['it stopped after its exit was saved', 'Never', stopped, { status: { lastExit: kept } }, kept],
    ['it stopped while nobody could look', 'Never', stopped, { status: { power: 'unknown' } }, unknown],
    ['it is gone for good', 'Never', { seen: 'absent' }, { status: { missingSince: longAgo } }, unknown],
    [
      'its vmid is a stranger’s',
      'Never',
      { seen: 'foreign', node: 'a' },
      { status: { missingSince: longAgo } },
      unknown,
    ],
    ['it runs', 'Never', ours, { link: link({}) }, 'goes on'],
    ['it was not seen to run yet', 'Never', stopped, { status: { power: 'stopped' } }, 'goes on'],
    ['it was stopped on purpose', 'Never', stopped, { status: { startedDigest: undefined } }, 'goes on'],
    [
      'it is not listed for a moment',
      'Never',
      { seen: 'absent' },
      { status: { missingSince: now.toISOString() } },
      'goes on',
    ],
    [
      'nobody can look',
      'Never',
      { seen: 'unknown', reason: 'NodeOffline', message: 'x' },
      { link: finished },
      'goes on',
    ],
    ['it stopped and is tried again', 'OnFailure', stopped, {}, 'goes on'],
    ['it is to run always', 'Always', ours, { link: finished }, 'goes on'],
    ['the last word is an old one', 'Never', ours, { link: { ...finished, connected: false } }, 'goes on'],
  ])('when %s', (_, restart, facts, about, expected) => {
    expect(end(restart, facts, about)).toEqual(expected);
  });

  it('holds once it is noted', () => {
    const status = { finished: true, lastExit: kept };
    expect(end('Never', ours, { status, link: link({ process: 'finished', lastExit: { code: 0, at: now } }) })).toEqual(
      kept,
    );
  });
});

describe('endInWords', () => {
  it.each([
    [{ code: 0, at: longAgo }, 'The process ended with code 0.'],
    [{ signal: 15, at: longAgo }, 'The process was ended by signal 15.'],
    [{ at: longAgo }, 'The guest stopped, and how its process ended is not known.'],
  ])('says %j', (lastExit, words) => {
    expect(endInWords({ lastExit })).toBe(words);
  });
});
