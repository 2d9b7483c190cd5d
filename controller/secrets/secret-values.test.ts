import { describe, expect, it } from 'vitest';
import { Secret } from '../../crds/secret.ts';
import { createSecretBox } from './secret-box.ts';
import { createSecretValues, type SecretValues } from './secret-values.ts';

const box = createSecretBox({
  keys: [{ id: 'aaaaaaaa', key: Buffer.alloc(32, 1) }],
  created: false,
  derive: () => Buffer.alloc(32, 2),
});

function secretWith(data: Record<string, string>): Secret {
  return Secret.read({
    apiVersion: 'containr.dev/v1alpha1',
    kind: 'Secret',
    metadata: {
      name: 'api',
      namespace: 'shop',
      uid: 'u',
      resourceVersion: '1',
      generation: 1,
      creationTimestamp: '2026-01-01T00:00:00Z',
    },
    spec: { data },
    status: {},
  });
}

function valuesOf(secret: Secret | undefined): { values: SecretValues; redacted: string[] } {
  const redacted: string[] = [];
  const read = {
    get: (_: unknown, { namespace, name }: { namespace?: string | undefined; name: string }) =>
      namespace === 'shop' && name === 'api' ? secret : undefined,
  };
  return { values: createSecretValues({ read, box, redact: (value) => redacted.push(value) }), redacted };
}

const sealed = box.seal({ namespace: 'shop', name: 'api', key: 'token' }, 's3cr3t');

describe('createSecretValues', () => {
  it('answers a value, and tells the redactor', () => {
    const { values, redacted } = valuesOf(secretWith({ token: sealed }));
    expect(values.value('shop', 'api', 'token')).toEqual({ ok: true, value: 's3cr3t' });
    expect(redacted).toEqual(['s3cr3t']);
  });

  it('answers all values', () => {
    const { values } = valuesOf(secretWith({ token: sealed }));
    expect(values.values('shop', 'api')).toEqual({ ok: true, values: { token: 's3cr3t' } });
  });

  it('says which Secret is missing', () => {
    expect(valuesOf(undefined).values.value('shop', 'api', 'token')).toEqual({
      ok: false,
      reason: 'SecretNotFound',
      message: 'There is no Secret "api" in namespace "shop". Create it.',
    });
  });

  it.each(['constructor', 'tokn'])('says that the key %s is missing, and which there are', (key) => {
    expect(valuesOf(secretWith({ token: sealed })).values.value('shop', 'api', key)).toMatchObject({
      reason: 'SecretNotFound',
      message: `The Secret "api" in namespace "shop" has no key "${key}"; it has "token".`,
    });
  });

  it('never answers an empty value for one that cannot be decrypted', () => {
    const { values, redacted } = valuesOf(secretWith({ token: sealed, moved: sealed }));
    const problem = { ok: false, reason: 'SecretUnreadable' };
    expect(values.value('shop', 'api', 'moved')).toMatchObject(problem);
    expect(values.values('shop', 'api')).toMatchObject(problem);
    expect(values.check(secretWith({ moved: sealed }))).toMatchObject(problem);
    expect(redacted).toEqual(['s3cr3t']);
  });
});
