import { setImmediate as breathe } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { createLeaseFence } from './lease-fence.ts';

describe('createLeaseFence', () => {
  it('lets the newest leader pass, and nobody else', async () => {
    const fence = createLeaseFence(async () => 3n);
    await fence.check(3n);
    await expect(fence.check(2n)).rejects.toMatchObject({ code: 'Fenced' });
    await expect(createLeaseFence(async () => undefined).check(1n)).rejects.toMatchObject({ code: 'Fenced' });
  });

  it('answers many at once from one look, and never from a look that was begun before it was asked', async () => {
    const looks: ((epoch: bigint) => void)[] = [];
    const fence = createLeaseFence(() => new Promise((resolve) => looks.push(resolve)));
    const early = [fence.check(1n), fence.check(1n)];
    await breathe();
    expect(looks).toHaveLength(1);
    const late = Array.from({ length: 20 }, () => fence.check(1n).catch((error: unknown) => error));
    await breathe();
    looks[0]?.(1n);
    await Promise.all(early);
    await breathe();
    expect(looks).toHaveLength(2);
    looks[1]?.(2n);
    for (const result of await Promise.all(late)) expect(result).toMatchObject({ code: 'Fenced' });
  });

  it('looks again after a look that failed', async () => {
    let asked = 0;
    const fence = createLeaseFence(async () => {
      asked += 1;
      if (asked === 1) throw new Error('no answer');
      return 1n;
    });
    await expect(fence.check(1n)).rejects.toThrow('no answer');
    await fence.check(1n);
  });
});
