import { describe, expect, it } from 'vitest';
import { createPullProgress } from './pull-progress.ts';

describe('createPullProgress', () => {
  it('adds up layers by their bytes, and never goes back when more layers become known', () => {
    const percents: number[] = [];
    const progress = createPullProgress((percent) => percents.push(percent));
    const say = (id: string, status: string, current?: number, total?: number) =>
      progress.add({ id, status, ...(total !== undefined && { progressDetail: { current, total } }) });
    say('latest', 'Pulling from library/nginx');
    say('a', 'Pulling fs layer');
    say('b', 'Already exists');
    say('a', 'Downloading', 50, 100);
    say('a', 'Downloading', 40, 100);
    say('c', 'Pulling fs layer');
    say('a', 'Download complete');
    say('a', 'Extracting', 100, 100);
    say('a', 'Pull complete');
    say('c', 'Pull complete');
    expect(percents).toEqual([0, 50, 70, 99]);
  });
});
