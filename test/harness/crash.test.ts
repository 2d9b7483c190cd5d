import { describe, expect, it } from 'vitest';
import { settle } from './fake-clock.ts';
import { Fuse } from './crash.ts';

/** Something outside that remembers what was done to it. */
function outside() {
  const done: string[] = [];
  const target = {
    name: 'kitchen',
    async boil(what: string) {
      done.push(what);
      return `hot ${what}`;
    },
    async burn() {
      done.push('burnt');
      throw new Error('burnt');
    },
    isOpen: () => true,
  };
  return { target, done };
}

async function outcomeOf(call: Promise<unknown>): Promise<unknown> {
  let outcome: unknown = 'no answer';
  const note = (value: unknown) => {
    outcome = value;
    return value;
  };
  call.then(note, note).catch(() => undefined);
  await settle();
  return outcome;
}

describe('Fuse', () => {
  it('lets every call through until it blows', async () => {
    const { target, done } = outside();
    const fuse = new Fuse();
    const kitchen = fuse.reach(target, { uncounted: ['isOpen'] });
    expect(await kitchen.boil('tea')).toBe('hot tea');
    await expect(kitchen.burn()).rejects.toThrow('burnt');
    expect([kitchen.name, kitchen.isOpen(), fuse.calls, fuse.isBlown]).toEqual(['kitchen', true, 2, false]);
    expect(done).toEqual(['tea', 'burnt']);
  });

  it.each([
    ['before', ['tea']],
    ['after', ['tea', 'coffee']],
  ] as const)('dies %s the call: what was done is %j, and nobody hears of it', async (when, what) => {
    const { target, done } = outside();
    const fuse = new Fuse({ call: 2, when });
    const kitchen = fuse.reach(target);
    await kitchen.boil('tea');
    expect(await outcomeOf(kitchen.boil('coffee'))).toBe('no answer');
    expect(await fuse.died).toBe('boil');
    expect(await outcomeOf(kitchen.boil('cocoa'))).toBe('no answer');
    expect(done).toEqual(what);
    expect(fuse.calls).toBe(2);
  });

  it('dies at a call that fails, too', async () => {
    const { target, done } = outside();
    const fuse = new Fuse({ call: 1, when: 'after' });
    expect(await outcomeOf(fuse.reach(target).burn())).toBe('no answer');
    expect([done, fuse.isBlown]).toEqual([['burnt'], true]);
  });

  it('keeps the answer of a call from the dead that was under way when the process died', async () => {
    const { target } = outside();
    const gate = Promise.withResolvers<void>();
    const slow = { wait: () => gate.promise };
    const fuse = new Fuse({ call: 2, when: 'before' });
    const waiting = fuse.reach(slow).wait();
    void fuse.reach(target).boil('tea');
    gate.resolve();
    expect(await outcomeOf(waiting)).toBe('no answer');
  });

  it('counts the calls of all that it reaches, and of lives before', async () => {
    const { target } = outside();
    const fuse = new Fuse(
      { call: 12, when: 'before' },
      Array.from({ length: 10 }, () => 'earlier'),
    );
    await fuse.reach(target).boil('tea');
    void fuse.reach(target).boil('coffee');
    expect(await fuse.died).toBe('boil');
  });
});
