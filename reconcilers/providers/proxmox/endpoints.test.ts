import { describe, expect, it } from 'vitest';
import { FakeClock } from '../../../test/harness/fake-clock.ts';
import { Endpoints } from './endpoints.ts';

function world() {
  const clock = new FakeClock();
  const endpoints = new Endpoints(['a', 'b', 'c'], clock);
  const urls = () => endpoints.candidates().map(({ url }) => url);
  const find = (url: string) => {
    const found = endpoints.candidates().find((endpoint) => endpoint.url === url);
    if (!found) throw new Error(`${url} is no candidate.`);
    return found;
  };
  return { clock, endpoints, urls, find };
}

describe('Endpoints', () => {
  it('are tried as given, until one answers: then that one first', () => {
    const { endpoints, urls, find } = world();
    expect(urls()).toEqual(['a', 'b', 'c']);
    endpoints.answered(find('b'));
    expect(urls()).toEqual(['b', 'a', 'c']);
  });

  it('rest after a failure, longer each time, and not for ever', () => {
    const { clock, endpoints, urls, find } = world();
    const a = find('a');
    endpoints.failed(a);
    expect(urls()).toEqual(['b', 'c']);
    clock.pause(1_000);
    expect(urls()).toEqual(['a', 'b', 'c']);
    for (let n = 0; n < 20; n++) endpoints.failed(a);
    clock.pause(59_000);
    expect(urls()).toEqual(['b', 'c']);
    clock.pause(1_000);
    expect(urls()).toEqual(['a', 'b', 'c']);
  });

  it('are given up as the preferred one by failing', () => {
    const { clock, endpoints, urls, find } = world();
    const c = find('c');
    endpoints.answered(c);
    endpoints.failed(c);
    clock.pause(1_000);
    expect(urls()).toEqual(['a', 'b', 'c']);
  });

  it('are tried one at a time, the most rested first, when all have failed', () => {
    const { clock, endpoints, urls, find } = world();
    const [a, b, c] = [find('a'), find('b'), find('c')];
    endpoints.failed(b);
    clock.pause(10);
    endpoints.failed(a);
    endpoints.failed(c);
    expect(urls()).toEqual(['b']);
  });

  it('tell only what is news', () => {
    const { endpoints, find } = world();
    const a = find('a');
    expect([endpoints.answered(a), endpoints.failed(a), endpoints.failed(a)]).toEqual([false, true, false]);
    expect([endpoints.answered(a), endpoints.answered(a)]).toEqual([true, false]);
  });
});
