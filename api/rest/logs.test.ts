import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Build } from '../../crds/build.ts';
import { Deployment } from '../../crds/deployment.ts';
import { Guest } from '../../crds/guest.ts';
import { DEPLOYMENT_LABEL, SERVICE_LABEL } from '../../crds/meta.ts';
import { Service } from '../../crds/service.ts';
import type { LogLine } from '../../controller/logs.ts';
import { createShop, make, service, type ApiFixture } from '../testing/api-fixture.ts';
import { sampleArtifact } from '../testing/sample-artifact.ts';
import { bodyOf } from '../testing/rest-body.ts';

let api: ApiFixture;
let path: string;
let web: Service;

beforeEach(async () => {
  api = await createShop();
  web = await make(api, Service, service('web'));
  path = `/api/v1/services/${web.metadata.uid}/logs`;
});
afterEach(() => api.closing.abort());

function manifest(kind: string, name: string, spec: object, labels = {}): object {
  return { apiVersion: 'containr.dev/v1alpha1', kind, metadata: { name, namespace: 'shop', labels }, spec };
}

async function guest(name: string, deployment = 'web-r1'): Promise<string> {
  const labels = { [SERVICE_LABEL]: 'web', [DEPLOYMENT_LABEL]: deployment };
  const made = await make(api, Guest, manifest('Guest', name, guestSpec, labels));
  return `guest/${made.metadata.uid}`;
}

const guestSpec = {
  hostname: 'web',
  artifact: sampleArtifact,
  process: { command: ['serve'] },
};

const line = (position: number, text: string, seconds = position): LogLine => ({
  position,
  time: new Date(Date.UTC(2026, 0, 1, 0, 0, seconds)),
  source: 'stdout',
  text,
});

describe('the log of a service', () => {
  it('has the newest lines of all its guests, in order of time', async () => {
    const [a, b] = [await guest('web-r1-0'), await guest('web-r1-1')];
    await api.logs.append(a, [line(1, 'a1', 1), line(2, 'a2', 3)], 2);
    await api.logs.append(b, [line(1, 'b1', 2), { ...line(2, 'b2', 4), source: 'stderr' }], 2);
    expect((await api.ask('GET', `${path}?tail=3`, { as: 'viewer' })).body).toEqual({
      logs: [
        { timestamp: '2026-01-01T00:00:02.000Z', message: 'b1', stream: 'stdout' },
        { timestamp: '2026-01-01T00:00:03.000Z', message: 'a2', stream: 'stdout' },
        { timestamp: '2026-01-01T00:00:04.000Z', message: 'b2', stream: 'stderr' },
      ],
    });
  });

  it('says why there is nothing', async () => {
    expect(bodyOf(await api.ask('GET', path, { as: 'viewer' }))).toMatchObject({
      logs: [],
      message: expect.stringContaining('no guests'),
    });
  });

  it.each(['tail=-1', 'tail=many', 'tail=10001', 'follow=yes', 'lines=3'])('refuses %s', async (query) => {
    expect((await api.ask('GET', `${path}?${query}`, { as: 'viewer' })).status).toBe(400);
  });

  it('is hidden from strangers', async () => {
    expect((await api.ask('GET', `${path}?follow=true`, { as: 'stranger' })).status).toBe(404);
  });
});

describe('the followed log of a service', () => {
  it('comes as events, the newest lines first and then what is printed, and ends with the server', async () => {
    const stream = await guest('web-r1-0');
    await api.logs.append(stream, [line(1, 'cut'), line(2, 'old')], 2);
    const response = await api.fetch('GET', `${path}?follow=true&tail=1`, { as: 'viewer' });
    expect(response.headers.get('content-type')).toBe('text/event-stream');
    const events = read(response);
    expect(await events.next()).toMatchObject({ value: { event: 'log', data: { message: 'old', stream: 'stdout' } } });
    await api.logs.append(stream, [line(3, 'new')], 3);
    expect(await events.next()).toMatchObject({ value: { data: { message: 'new' } } });
    api.closing.abort();
    expect(await events.next()).toMatchObject({ done: true });
  });

  it('goes on behind any event without a gap or a repeat, over all guests', async () => {
    const [a, b] = [await guest('web-r1-0'), await guest('web-r1-1')];
    await api.logs.append(
      a,
      [1, 3, 5, 7].map((second) => line(second, `a${second}`)),
      7,
    );
    await api.logs.append(
      b,
      [2, 4, 6, 8].map((second) => line(second, `b${second}`)),
      8,
    );
    const all = ['b4', 'a5', 'b6', 'a7', 'b8'];
    const seen = await take(read(await api.fetch('GET', `${path}?follow=true&tail=5`, { as: 'viewer' })), 5);
    expect(seen.map(({ data }) => data.message)).toEqual(all);
    await api.logs.append(a, [line(9, 'a9')], 9);
    const late = await guest('web-r2-0', 'web-r2');
    await api.logs.append(late, [line(10, 'c10')], 10);
    for (const [at, { id }] of seen.entries()) {
      const headers = { 'last-event-id': id };
      const expected = [...all.slice(at + 1), 'a9', 'c10'];
      const response = await api.fetch('GET', `${path}?follow=true&tail=5`, { as: 'viewer', headers });
      const rest = await take(read(response), expected.length);
      expect(rest.map(({ data }) => data.message)).toEqual(expected);
    }
  });

  it('refuses an id that it never gave', async () => {
    const headers = { 'last-event-id': '1; DROP TABLE' };
    expect((await api.ask('GET', `${path}?follow=true`, { as: 'viewer', headers })).status).toBe(400);
  });
});

describe('the log of a deployment', () => {
  it('is that of its build, of its guests, or both', async () => {
    const source = { type: 'image', image: 'nginx' };
    const build = await make(api, Build, manifest('Build', 'web-b1', { service: 'web', source }));
    const spec = { service: 'web', revision: 1, build: 'web-b1', template: {} };
    const deployment = await make(api, Deployment, manifest('Deployment', 'web-r1', spec));
    await api.logs.append(await guest('web-r1-0'), [line(2, 'serving')], 2);
    await api.logs.append(await guest('web-r2-0', 'web-r2'), [line(3, 'not mine')], 3);
    await api.logs.append(`build/${build.metadata.uid}`, [line(1, 'building')], 1);
    const of = async (type: string) =>
      bodyOf(await api.ask('GET', `/api/v1/deployments/${deployment.metadata.uid}/logs${type}`, { as: 'viewer' }), 200);
    expect(await of('')).toMatchObject({
      logs: [{ message: 'building' }, { message: 'serving' }],
      build_log: 'building\n',
      runtime_log: 'serving\n',
    });
    expect(await of('?type=build')).toEqual({
      logs: [expect.objectContaining({ message: 'building' })],
      build_log: 'building\n',
    });
    expect(await of('?type=runtime')).toEqual({
      logs: [expect.objectContaining({ message: 'serving' })],
      runtime_log: 'serving\n',
    });
  });
});

interface Event {
  event: string;
  id: string;
  data: { message: string; stream: string };
}

/** The events of a stream, without what only clients look at. */
async function* read(response: Response): AsyncGenerator<Event> {
  let text = '';
  for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += chunk;
    const blocks = text.split('\n\n');
    text = blocks.pop() ?? '';
    for (const block of blocks) {
      const fields = new Map(
        block.split('\n').map((row) => [row.split(': ', 1)[0] ?? '', row.slice(row.indexOf(': ') + 2)]),
      );
      if (!fields.has('data')) continue;
      yield {
        event: fields.get('event') ?? '',
        id: fields.get('id') ?? '',
        data: JSON.parse(fields.get('data') ?? ''),
      };
    }
  }
}

async function take(events: AsyncGenerator<Event>, count: number): Promise<Event[]> {
  const taken: Event[] = [];
  while (taken.length < count) {
    const next = await events.next();
    if (next.done) break;
    taken.push(next.value);
  }
  await events.return(undefined);
  return taken;
}
