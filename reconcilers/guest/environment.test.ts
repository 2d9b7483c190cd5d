import { describe, expect, it } from 'vitest';
import { testGuest } from '../shared/testing.ts';
import { resolveEnvironment, type ReadSecret } from './environment.ts';

const readSecret: ReadSecret = (namespace, name, key) =>
  `${namespace}/${name}/${key}` === 'shop/app/token'
    ? { ok: true, value: 'line 1\nline "2" = ü' }
    : { ok: false, reason: 'SecretNotFound', message: `There is no ${name}.` };
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
    expect(resolveEnvironment(testGuest(spec), readSecret)).toEqual({ ok: true, env });
  });

  it('is not there at all when a reference leads nowhere', () => {
    expect(resolveEnvironment(testGuest({ env: [reference('absent')] }), readSecret)).toEqual({
      ok: false,
      reason: 'SecretNotFound',
      message: 'env TOKEN: There is no absent.',
    });
  });
});
