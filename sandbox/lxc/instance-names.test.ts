import { describe, expect, it } from 'vitest';
import { instanceNames, instanceOf } from './instance-names.ts';

describe('instanceNames', () => {
  it('fits the kernel with the longest instance, the largest vmid and the last interface', () => {
    const names = instanceNames('abcdef', '/state');
    expect(names.link(999_999_999, 31).length).toBe(15);
    expect(names.bridge.length).toBeLessThanOrEqual(15);
  });

  it('never gives two interfaces one name', () => {
    const names = ['a', 'ab', 'abc'].flatMap((instance) =>
      [1, 36, 100, 1001].flatMap((vmid) => [0, 1, 11].map((nic) => instanceNames(instance, '/').link(vmid, nic))),
    );
    expect(new Set(names).size).toBe(names.length);
  });

  it.each(['', 'abcdefg', 'A', 'a-b', '../x'])('refuses the instance %j', (instance) => {
    expect(() => instanceNames(instance, '/state')).toThrow(RangeError);
  });
});

describe('instanceOf', () => {
  it('is the same for one folder, however it is written, and another for another', () => {
    expect(instanceOf('/a/b/../c')).toBe(instanceOf('/a/c'));
    expect(instanceOf('/a/c')).not.toBe(instanceOf('/a/d'));
    expect(() => instanceNames(instanceOf('/a/c'), '/a/c')).not.toThrow();
  });
});
