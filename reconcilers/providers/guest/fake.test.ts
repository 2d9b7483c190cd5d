import { describe, expect, it } from 'vitest';
import { createFakeGuestRuns } from './fake-runs.ts';
import { createFakeGuestLinks, type FakeGuestLinks } from './fake.ts';

const endpoint = { host: '10.0.0.5', port: 10_301, secret: 's' };
const { signal } = new AbortController();

function connected(runs = createFakeGuestRuns()): FakeGuestLinks {
  const links = createFakeGuestLinks(undefined, runs);
  links.ensure('g', endpoint);
  links.tell('g', { connected: true, process: 'held' });
  return links;
}

describe('the fake guests', () => {
  it('run what the test says they can, each id once, and remember the end under the next controller', async () => {
    const runs = createFakeGuestRuns();
    runs.answer('g', 'dump', { state: 'running' });
    expect(await connected(runs).run('g', { id: '1', command: 'dump' }, signal)).toEqual({ state: 'running' });
    runs.answer('g', 'dump', { output: 'abc' });
    expect(await connected(runs).run('g', { id: '1', command: 'dump' }, signal)).toEqual({
      state: 'exited',
      code: 0,
      sizeBytes: 3,
      sha256: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
      tail: 'abc',
    });
    runs.answer('g', 'dump', { output: 'another', code: 1 });
    expect(await connected(runs).run('g', { id: '1', command: 'dump' }, signal)).toMatchObject({ tail: 'abc' });
    expect(await connected(runs).run('g', { id: '1', command: 'load' }, signal)).toMatchObject({ state: 'unknown' });
    expect(runs.begun).toEqual([{ guestUid: 'g', id: '1', command: 'dump' }]);
  });

  it('know only what the test gave them, and answer only while they are connected', async () => {
    const links = connected();
    expect(await links.run('g', { id: '1', command: 'dump' }, signal)).toMatchObject({ state: 'unknown' });
    links.tell('g', { connected: false });
    expect(await links.run('g', { id: '1', command: 'dump' }, signal)).toMatchObject({ state: 'unreachable' });
    expect(await links.release('g', signal)).toBe(false);
    expect(links.runs.begun).toEqual([]);
  });

  it('tell what a guest has used as the test says, while it is connected', async () => {
    const links = connected();
    expect(await links.usage('g', signal)).toBeUndefined();
    links.usages.set('g', { reads: 1, writes: 2, uptimeMs: 3 });
    expect(await links.usage('g', signal)).toEqual({ reads: 1, writes: 2, uptimeMs: 3 });
    links.tell('g', { connected: false });
    expect(await links.usage('g', signal)).toBeUndefined();
  });

  it('take input and give output', async () => {
    const links = connected();
    links.runs.answer('g', 'cat', { output: 'out' });
    const { stream, end } = await links.read('g', { id: '1', command: 'cat' }, signal);
    expect(Buffer.concat(await stream.toArray()).toString()).toBe('out');
    expect(await end).toMatchObject({ state: 'exited', sizeBytes: 3 });
    async function* source(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('i');
      yield Buffer.from('n');
    }
    expect(await links.write('g', { id: '2', command: 'cat' }, source(), signal)).toMatchObject({ state: 'exited' });
    expect(links.runs.begun.at(-1)?.input?.toString()).toBe('in');
    const again = await links.read('g', { id: '1', command: 'cat' }, signal);
    await expect(again.stream.toArray()).rejects.toThrow('did not begin');
  });

  it('start a held process when they are told to', async () => {
    const links = connected();
    expect(await links.release('g', signal)).toBe(true);
    expect(links.state('g')?.process).toBe('running');
  });
});
