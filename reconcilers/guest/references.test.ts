import { describe, expect, it } from 'vitest';
import { Database } from '../../crds/database.ts';
import type { Resource } from '../../crds/define-kind.ts';
import { Deployment } from '../../crds/deployment.ts';
import { Guest } from '../../crds/guest.ts';
import { DEPLOYMENT_LABEL, SERVICE_LABEL } from '../../crds/meta.ts';
import { Route } from '../../crds/route.ts';
import { Service } from '../../crds/service.ts';
import { testCondition, testGuest, testObject, testReader } from '../shared/testing.ts';
import { referenceReader, refersTo, type ReadSecret } from './references.ts';

const readSecret: ReadSecret = (namespace, name, key) =>
  `${namespace}/${name}/${key}` === 'shop/db-credentials/url'
    ? { ok: true, value: 'postgres://u:p@10.40.0.9:5432/d' }
    : name === 'sealed'
      ? { ok: false, reason: 'SecretUnreadable', message: 'The key is another.' }
      : { ok: false, reason: 'SecretNotFound', message: `There is no ${name}/${key}.` };

const api = testObject(Service, 'api', { source: { type: 'image', image: 'shop/api:1' } });
const template = { service: 'api', revision: 1, build: 'api-b1', template: {} };
const promoted = testObject(Deployment, 'api-r1', template, { promoted: true });

function guestOf(
  name: string,
  about: { address?: string; ready?: boolean; deployment?: string; ports?: unknown[] } = {},
): Guest {
  const { address = '10.40.0.50', ready = true, deployment = 'api-r1', ports = [{ port: 3000 }] } = about;
  const guest = testGuest(
    { ports },
    {
      addresses: [address],
      conditions: [testCondition('Ready', ready ? 'True' : 'False', 'Healthy')],
    },
  );
  const labels = { [SERVICE_LABEL]: 'api', [DEPLOYMENT_LABEL]: deployment };
  return { ...guest, metadata: { ...guest.metadata, name, labels } };
}

function service(key: 'host' | 'port' | 'url', ...objects: Resource[]): unknown {
  const reading = referenceReader(testReader(...objects), readSecret)('shop', { serviceRef: { name: 'api', key } });
  return reading.ok ? reading.value : `${reading.reason}: ${reading.message}`;
}

describe('a reference to a Secret', () => {
  const read = referenceReader(testReader(), readSecret);

  it('is ConfigMissing when there is none, and another trouble when it cannot be read', () => {
    expect(read('shop', { secretRef: { name: 'app', key: 'token' } })).toMatchObject({
      ok: false,
      reason: 'ConfigMissing',
      message: 'There is no app/token.',
    });
    expect(read('shop', { secretRef: { name: 'sealed', key: 'token' } })).toMatchObject({ reason: 'SecretUnreadable' });
  });
});

describe('a reference to a Database', () => {
  it.each<[string, Resource[], unknown]>([
    ['nothing', [], expect.stringMatching(/^ConfigMissing: There is no Database "db"/)],
    [
      'one that is being made',
      [testObject(Database, 'db', { engine: 'redis' })],
      'ConfigMissing: Database "db" has no credentials yet.',
    ],
    [
      'one that runs',
      [testObject(Database, 'db', { engine: 'postgresql' }, { credentialsSecretRef: { name: 'db-credentials' } })],
      'postgres://u:p@10.40.0.9:5432/d',
    ],
    [
      'one whose Secret is gone',
      [testObject(Database, 'db', { engine: 'postgresql' }, { credentialsSecretRef: { name: 'gone' } })],
      'ConfigMissing: There is no gone/url.',
    ],
  ])('to %s', (_, objects, expected) => {
    const reading = referenceReader(testReader(...objects), readSecret)('shop', {
      databaseRef: { name: 'db', key: 'url' },
    });
    expect(reading.ok ? reading.value : `${reading.reason}: ${reading.message}`).toEqual(expected);
  });
});

describe('a reference to a Service', () => {
  const routed = testObject(
    Route,
    'api',
    { service: 'api', port: 3000 },
    { proxy: 'edge', url: 'https://api.apps.example' },
  );

  it('leads to its route where a proxy carries one', () => {
    const world = [api, promoted, guestOf('api-r1-0'), routed];
    expect(service('url', ...world)).toBe('https://api.apps.example');
    expect(service('host', ...world)).toBe('api.apps.example');
    expect(service('port', ...world)).toBe('443');
  });

  it('leads to a guest where the name of the route would mean the very guest that asks', () => {
    const here = testObject(
      Route,
      'api',
      { service: 'api', port: 3000 },
      { proxy: 'default', url: 'http://api-shop.localhost:8000' },
    );
    expect(service('host', api, promoted, guestOf('api-r1-0'), here)).toMatch(/^10\.40\./);
  });

  it('leads to its first guest that takes requests where there is no proxy', () => {
    const bare = testObject(Route, 'api', { service: 'api', port: 3000 }, { url: 'http://10.40.0.50:3000' });
    const world = [
      api,
      promoted,
      bare,
      guestOf('api-r1-1', { address: '10.40.0.52' }),
      guestOf('api-r1-0', { ready: false }),
    ];
    expect(service('host', ...world)).toBe('10.40.0.52');
    expect(service('port', ...world)).toBe('3000');
    expect(service('url', ...world)).toBe('http://10.40.0.52:3000');
    expect(service('url', api, promoted, guestOf('api-r1-0', { address: 'fd00::5' }))).toBe('http://[fd00::5]:3000');
  });

  it.each<[string, Resource[], string]>([
    ['it does not exist', [], 'There is no Service "api"'],
    ['none of its guests is ready', [api, promoted, guestOf('api-r1-0', { ready: false })], 'has no address yet'],
    ['its revision is not promoted', [api, guestOf('api-r2-0', { deployment: 'api-r2' })], 'has no address yet'],
    ['it listens nowhere', [api, promoted, guestOf('api-r1-0', { ports: [] })], 'has no port, so there is no url'],
  ])('is missing, never empty, when %s', (_, objects, words) => {
    expect(service('url', ...objects)).toMatch(/^ConfigMissing: /);
    expect(service('url', ...objects)).toContain(words);
  });
});

describe('refersTo', () => {
  it('finds the environments that an object matters to', () => {
    const { env } = testGuest({ env: [{ name: 'A', valueFrom: { serviceRef: { name: 'api', key: 'url' } } }] }).spec;
    expect(refersTo(env, 'serviceRef', 'api')).toBe(true);
    expect(refersTo(env, 'serviceRef', 'web')).toBe(false);
    expect(refersTo(env, 'databaseRef', 'api')).toBe(false);
  });
});
