import { describe, expect, it } from 'vitest';
import { Build } from '../crds/build.ts';
import { Guest } from '../crds/guest.ts';
import { Job } from '../crds/job.ts';
import { Service } from '../crds/service.ts';
import type { LogLine } from '../controller/logs.ts';
import { createShop, make, service, SHOP, type ApiFixture } from './testing/api-fixture.ts';

const web = `${SHOP}/services/web/log`;

function line(position: number, text: string, seconds = position): LogLine {
  return { position, text, time: new Date(Date.UTC(2026, 0, 1, 12, 0, seconds)), source: 'stdout' };
}

async function guest(
  api: ApiFixture,
  name: string,
  labels: object = { 'containr.dev/service': 'web' },
): Promise<Guest> {
  const artifact = {
    digest: 'sha256:0',
    sizeBytes: 1,
    imageDigest: 'sha256:1',
    image: 'nginx',
    architecture: 'amd64',
    process: { command: ['x'], env: [], workingDir: '/', user: '', stopSignal: '' },
  };
  const spec = { hostname: name, artifact, process: { command: ['x'] } };
  return make(api, Guest, { ...service(name, {}, { labels }), kind: 'Guest', spec });
}

async function shopWithGuests(...names: string[]): Promise<{ api: ApiFixture; streams: string[] }> {
  const api = await createShop();
  await make(api, Service, service('web'));
  const streams: string[] = [];
  for (const name of names) streams.push(`guest/${(await guest(api, name)).metadata.uid}`);
  return { api, streams };
}

async function text(api: ApiFixture, path: string): Promise<string> {
  return (await api.fetch('GET', path)).text();
}

describe('the log of a Service', () => {
  it('is that of its guests, in order of time', async () => {
    const {
      api,
      streams: [a = '', b = ''],
    } = await shopWithGuests('web-0', 'web-1');
    await api.logs.append(a, [line(1, 'a1', 1), line(2, 'a2', 4), line(3, 'a3', 5)], 3);
    await api.logs.append(b, [line(1, 'b1', 2), line(2, 'b2', 3), line(3, 'b3', 6)], 3);
    expect(await text(api, web)).toBe('a1\nb1\nb2\na2\na3\nb3\n');
    expect(await text(api, `${web}?tailLines=2`)).toBe('a3\nb3\n');
    expect(await text(api, `${web}?container=web-1`)).toBe('b1\nb2\nb3\n');
    expect(await text(api, `${web}?tailLines=1&prefix=true&timestamps=true`)).toBe(
      '[web-1] 2026-01-01T12:00:06.000Z b3\n',
    );
  });

  it('comes as JSON with all that is known of a line', async () => {
    const {
      api,
      streams: [a = ''],
    } = await shopWithGuests('web-0');
    await api.logs.append(a, [{ ...line(7, 'two\twords'), source: 'stderr' }], 7);
    const response = await api.fetch('GET', web, { headers: { accept: 'application/x-ndjson' } });
    expect(response.headers.get('content-type')).toBe('application/x-ndjson');
    expect(await response.json()).toEqual({
      guest: 'web-0',
      time: '2026-01-01T12:00:07.000Z',
      source: 'stderr',
      text: 'two\twords',
      position: 7,
    });
  });

  it('reads long logs page by page, whole', async () => {
    const {
      api,
      streams: [a = ''],
    } = await shopWithGuests('web-0');
    const lines = Array.from({ length: 3_500 }, (_, n) => line(n + 1, `line ${n}`, 0));
    await api.logs.append(a, lines, 3_500);
    const read = (await text(api, web)).trimEnd().split('\n');
    expect(read).toEqual(lines.map((each) => each.text));
  });

  it('begins at a time', async () => {
    const {
      api,
      streams: [a = ''],
    } = await shopWithGuests('web-0');
    await api.logs.append(a, [line(1, 'old'), line(30, 'new')], 30);
    expect(await text(api, `${web}?sinceTime=2026-01-01T12:00:10Z`)).toBe('new\n');
    expect(await text(api, `${web}?sinceSeconds=5`)).toBe('');
  });

  it('marks what Containr itself has to say', async () => {
    const {
      api,
      streams: [a = ''],
    } = await shopWithGuests('web-0');
    await api.logs.append(a, [{ ...line(1, 'The process ended with code 1.'), source: 'system' }], 1);
    expect(await text(api, web)).toBe('[containr] The process ended with code 1.\n');
  });

  it('is empty where nothing runs yet', async () => {
    const { api } = await shopWithGuests();
    expect(await text(api, web)).toBe('');
  });

  it('ends at the end of the run before when that is asked for', async () => {
    const {
      api,
      streams: [a = ''],
    } = await shopWithGuests('web-0');
    await api.logs.append(a, [line(1, 'first run'), line(30, 'second run')], 30);
    expect((await api.ask('GET', `${web}?previous=true`)).body).toMatchObject({ reason: 'BadRequest' });
    const found = await api.store.get(Guest, { namespace: 'shop', name: 'web-0' });
    if (!found) throw new Error('the guest is gone');
    const status = { ...found.status, lastExit: { code: 1, at: '2026-01-01T12:00:20.000Z' } };
    await api.store.updateStatus(Guest, { ...found, status }, { manager: 'test' });
    expect(await text(api, `${web}?previous=true`)).toBe('first run\n');
  });

  it('follows the log of its latest build when that is asked for', async () => {
    const { api } = await shopWithGuests();
    expect((await api.ask('GET', `${web}?build=true`)).body).toMatchObject({
      message: 'The Service "web" has had no build yet.',
    });
    const spec = { source: { type: 'image', image: 'nginx' } };
    const build = await make(api, Build, { ...service('web-b1'), kind: 'Build', spec });
    const found = await api.store.get(Service, { namespace: 'shop', name: 'web' });
    if (!found) throw new Error('the service is gone');
    await api.store.updateStatus(
      Service,
      { ...found, status: { ...found.status, latestBuild: 'web-b1' } },
      { manager: 'test' },
    );
    await api.logs.append(`build/${build.metadata.uid}`, [line(1, 'step 1')], 1);
    expect(await text(api, `${web}?build=true`)).toBe('step 1\n');
    expect(await text(api, `${SHOP}/builds/web-b1/log`)).toBe('step 1\n');
  });

  it('is, with a schedule, that of its runs, whose guests are gone', async () => {
    const api = await createShop();
    await make(api, Service, service('tick', { type: 'cron', schedule: '* * * * *' }));
    const { spec } = await guest(api, 'other', {});
    const run = { service: 'tick', deployment: 'tick-r1', artifact: spec.artifact, template: {}, trigger: 'schedule' };
    const job = await make(api, Job, {
      ...service('tick-1', {}, { labels: { 'containr.dev/service': 'tick' } }),
      kind: 'Job',
      spec: run,
    });
    await api.store.updateStatus(Job, { ...job, status: { ...job.status, guestUid: 'gone' } }, { manager: 'test' });
    await api.logs.append('guest/gone', [line(1, 'ran')], 1);
    expect(await text(api, `${SHOP}/services/tick/log?prefix=true`)).toBe('[tick-1] ran\n');
    expect(await text(api, `${SHOP}/jobs/tick-1/log`)).toBe('ran\n');
  });

  it.each([
    ['?tailLines=some', 400],
    ['?tailLines=100000000', 400],
    ['?sinceTime=yesterday', 400],
    ['?container=nobody', 404],
  ])('refuses %s', async (query, status) => {
    const { api } = await shopWithGuests('web-0');
    expect((await api.ask('GET', `${web}${query}`)).status).toBe(status);
  });

  it('is for those who may read the service', async () => {
    const { api } = await shopWithGuests('web-0');
    expect((await api.fetch('GET', web, { as: 'viewer' })).status).toBe(200);
    expect((await api.ask('GET', web, { as: 'stranger' })).status).toBe(404);
    expect((await api.ask('GET', `${SHOP}/services/nothing/log`)).status).toBe(404);
  });
});

describe('a followed log', () => {
  async function follow(api: ApiFixture, query = '') {
    const response = await api.fetch('GET', `${web}?follow=true${query}`);
    if (!response.body) throw new Error('a log has a body');
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let seen = '';
    return {
      async until(wanted: string): Promise<string> {
        while (!seen.includes(wanted)) {
          const read = await reader.read();
          if (read.done) throw new Error(`the log ended without "${wanted}"`);
          seen += read.value;
        }
        return seen;
      },
      ended: async () => (await reader.read()).done,
      cancel: () => reader.cancel(),
    };
  }

  it('goes on where it was, without a gap and without repeating', async () => {
    const {
      api,
      streams: [a = '', b = ''],
    } = await shopWithGuests('web-0', 'web-1');
    await api.logs.append(a, [line(1, 'a1')], 1);
    const log = await follow(api);
    await log.until('a1\n');
    await api.logs.append(b, [line(1, 'b1')], 1);
    await log.until('b1\n');
    await api.logs.append(a, [line(2, 'a2'), line(3, 'a3')], 3);
    expect(await log.until('a3\n')).toBe('a1\nb1\na2\na3\n');
    await log.cancel();
  });

  it('begins after the newest lines with a tail', async () => {
    const {
      api,
      streams: [a = ''],
    } = await shopWithGuests('web-0');
    await api.logs.append(a, [line(1, 'a1'), line(2, 'a2')], 2);
    const log = await follow(api, '&tailLines=0');
    await api.logs.append(a, [line(3, 'a3')], 3);
    expect(await log.until('a3\n')).toBe('a3\n');
    await log.cancel();
  });

  it('picks up guests that come later', async () => {
    const { api } = await shopWithGuests('web-0');
    const log = await follow(api);
    const late = await guest(api, 'web-1');
    await api.logs.append(`guest/${late.metadata.uid}`, [line(1, 'hello')], 1);
    expect(await log.until('hello\n')).toBe('hello\n');
    await log.cancel();
  });

  it('ends when the server stops', async () => {
    const { api } = await shopWithGuests('web-0');
    const log = await follow(api);
    const ended = log.ended();
    api.closing.abort();
    expect(await ended).toBe(true);
  });
});
