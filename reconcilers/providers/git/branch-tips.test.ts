import { describe, expect, it } from 'vitest';
import type { Clock } from '../../../controller/clock.ts';
import { BranchTips, type Follower } from './branch-tips.ts';
import { createFakeGit } from './fake.ts';

const url = 'https://git.example/shop/web.git';
const INTERVAL_MS = 60_000;

/** Time that is moved by hand. */
function handClock(): Pick<Clock, 'after'> & { advance(ms: number): Promise<void> } {
  let nowMs = 0;
  const timers = new Set<{ atMs: number; callback: () => void }>();
  return {
    after(ms, callback) {
      const timer = { atMs: nowMs + ms, callback };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    async advance(ms) {
      nowMs += ms;
      for (const timer of timers) {
        if (timer.atMs > nowMs) continue;
        timers.delete(timer);
        timer.callback();
      }
      for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
    },
  };
}

function makeWorld() {
  const git = createFakeGit();
  const clock = handClock();
  const tips = new BranchTips({ git, clock, intervalMs: INTERVAL_MS });
  const woken: string[] = [];
  const follow = (id: string, more: Partial<Follower> = {}) =>
    tips.follow({ id, repository: { url }, branch: 'main', known: undefined, wake: () => woken.push(id), ...more });
  return { git, clock, tips, woken, follow };
}

describe('BranchTips', () => {
  it('asks once for all who follow the same repository, and wakes them', async () => {
    const { git, clock, woken, follow } = makeWorld();
    const first = git.commit(url, { a: '1' });
    git.point(url, 'old', first);
    const commit = git.commit(url, { a: '2' });
    for (let n = 0; n < 100; n += 1)
      expect(follow(`s${n}`, n % 2 === 0 ? {} : { branch: 'old' })).toEqual({ state: 'unknown' });
    await clock.advance(1_000);
    expect(git.listings(url)).toBe(1);
    expect(new Set(woken).size).toBe(100);
    expect(follow('s0')).toEqual({ state: 'known', commit });
    expect(follow('s1', { branch: 'old' })).toEqual({ state: 'known', commit: first });
  });

  it('asks again in the interval, and wakes only those whose branch moved', async () => {
    const { git, clock, woken, follow } = makeWorld();
    git.point(url, 'old', git.commit(url, { a: '1' }));
    follow('a');
    follow('b', { branch: 'old' });
    await clock.advance(1_000);
    woken.length = 0;
    const moved = git.commit(url, { a: '2' });
    await clock.advance(INTERVAL_MS);
    expect([git.listings(url), woken]).toEqual([2, ['a']]);
    expect(follow('a')).toEqual({ state: 'known', commit: moved });
  });

  it('says nothing against a commit that was known after the look began', async () => {
    const { git, clock, woken, follow } = makeWorld();
    git.commit(url, { a: '1' });
    follow('a');
    await clock.advance(1_000);
    const newer = git.commit(url, { a: '2' });
    expect(follow('a', { known: newer })).toEqual({ state: 'unknown' });
    woken.length = 0;
    await clock.advance(1_000);
    expect(woken).toEqual(['a']);
    expect(follow('a', { known: newer })).toEqual({ state: 'known', commit: newer });
  });

  it('looks at once when it is asked to', async () => {
    const { git, clock, tips, follow } = makeWorld();
    git.commit(url, { a: '1' });
    follow('a');
    await clock.advance(1_000);
    const pushed = git.commit(url, { a: '2' });
    tips.askNow('a');
    await clock.advance(1_000);
    expect(follow('a')).toEqual({ state: 'known', commit: pushed });
  });

  it('says what is wrong, and goes on when it is right again', async () => {
    const { git, clock, follow } = makeWorld();
    const commit = git.commit(url, { a: '1' });
    git.fail(url, 'unavailable');
    follow('a');
    await clock.advance(1_000);
    expect(follow('a')).toMatchObject({ state: 'trouble', fault: { meaning: 'unavailable' } });
    git.fail(url, undefined);
    await clock.advance(INTERVAL_MS);
    expect(follow('a')).toEqual({ state: 'known', commit });
    expect(follow('gone', { branch: 'gone' })).toEqual({ state: 'unknown' });
    await clock.advance(1_000);
    expect(follow('gone', { branch: 'gone' })).toMatchObject({ state: 'trouble', fault: { meaning: 'refNotFound' } });
  });

  it('keeps who has other credentials apart, and asks nobody whom nobody follows', async () => {
    const { git, clock, tips, follow } = makeWorld();
    const commit = git.commit(url, { a: '1' });
    git.protect(url, { kind: 'token', token: 'right' });
    const repository = { url, credentials: { kind: 'token', token: 'right' } } as const;
    follow('a');
    follow('b', { repository });
    await clock.advance(1_000);
    expect(follow('a')).toMatchObject({ state: 'trouble', fault: { meaning: 'denied' } });
    expect(follow('b', { repository })).toEqual({ state: 'known', commit });
    tips.forget('a');
    tips.forget('b');
    const before = git.listings(url);
    await clock.advance(10 * INTERVAL_MS);
    expect(git.listings(url)).toBe(before);
  });
});
