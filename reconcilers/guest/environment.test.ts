import { describe, expect, it } from 'vitest';
import { testGuest } from '../shared/testing.ts';
import { environmentShape, resolveEnvironment, type ReadReference } from './environment.ts';

const readReference: ReadReference = (namespace, { secretRef }) =>
  `${namespace}/${secretRef?.name}/${secretRef?.key}` === 'shop/app/token'
    ? { ok: true, value: 'line 1\nline "2" = ü' }
    : { ok: false, reason: 'ConfigMissing', message: `There is no ${secretRef?.name}.` };
const reference = (name: string) => ({ name: 'TOKEN', valueFrom: { secretRef: { name, key: 'token' } } });

describe('resolveEnvironment', () => {
  it.each([
    ['nothing but the image', { ports: [] }, ['PATH=/bin', 'MODE=image']],
    ['a port, by its number', {}, ['PATH=/bin', 'MODE=image', 'PORT=8080']],
    [
      'a value over that of the image',
      { env: [{ name: 'MODE', value: 'spec' }], ports: [] },
      ['PATH=/bin', 'MODE=spec'],
    ],
    ['a PORT of its own', { env: [{ name: 'PORT', value: '1' }] }, ['PATH=/bin', 'MODE=image', 'PORT=1']],
    ['an empty value', { env: [{ name: 'MODE', value: '' }], ports: [] }, ['PATH=/bin', 'MODE=']],
    [
      'a value of a Secret, byte for byte',
      { env: [reference('app')], ports: [] },
      ['PATH=/bin', 'MODE=image', 'TOKEN=line 1\nline "2" = ü'],
    ],
  ])('with %s', (_, spec, env) => {
    expect(resolveEnvironment(testGuest(spec), readReference)).toEqual({ ok: true, env });
  });

  it('is not there at all when a reference leads nowhere', () => {
    expect(resolveEnvironment(testGuest({ env: [reference('absent')] }), readReference)).toEqual({
      ok: false,
      reason: 'ConfigMissing',
      message: 'env TOKEN: There is no absent.',
    });
  });
});

describe('environmentShape', () => {
  it('is the same for the same references, whatever they lead to, and another for another reference', () => {
    const shape = environmentShape(testGuest({ env: [reference('app')] }));
    expect(shape).toEqual(environmentShape(testGuest({ env: [reference('app')] })));
    expect(shape).not.toEqual(environmentShape(testGuest({ env: [reference('other')] })));
    expect(shape.join()).not.toContain('line 1');
  });

  it('is the environment itself where nothing is referred to', () => {
    const guest = testGuest({ env: [{ name: 'MODE', value: 'spec' }] });
    expect(resolveEnvironment(guest, readReference)).toEqual({ ok: true, env: environmentShape(guest) });
  });
});
