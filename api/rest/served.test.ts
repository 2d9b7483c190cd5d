import { gunzipSync } from 'node:zlib';
import { request } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Guest } from '../../crds/guest.ts';
import { SERVICE_LABEL } from '../../crds/meta.ts';
import { make, type Person } from '../testing/api-fixture.ts';
import { sampleArtifact } from '../testing/sample-artifact.ts';
import { serveRest, type RestWorld } from '../testing/rest-world.ts';

let world: RestWorld;
beforeEach(async () => {
  world = await serveRest();
});
afterEach(() => world.close());

const as = (person: Person, headers: Record<string, string> = {}) => ({
  headers: { authorization: `Bearer ${person}`, ...headers },
});

describe('over a real socket, the contract', () => {
  it.each([
    ['viewer', 200],
    ['stranger', 404],
  ] as const)('shows one of everything to %s with %d', async (person, status) => {
    const { project, service, deployment, build } = world.own;
    for (const path of [
      `projects/${project}`,
      `projects/${project}/services`,
      `services/${service}`,
      `services/${service}/deployments`,
      `services/${service}/logs`,
      `deployments/${deployment}`,
      `deployments/${deployment}/logs`,
      `builds/${build}`,
      `builds/${build}/logs`,
    ]) {
      const response = await fetch(`${world.base}/${path}`, as(person));
      await response.arrayBuffer();
      expect(`${path} ${response.status}`).toBe(`${path} ${status}`);
    }
  });

  it('rolls back, also over somebody else who deploys in the same moment', async () => {
    const deploy = `${world.base}/services/${world.own.service}/deployments`;
    const back = `${world.base}/deployments/${world.own.deployment}/rollback`;
    const answers = await Promise.all(
      [deploy, back, deploy].map((url) => fetch(url, { method: 'POST', ...as('dev') })),
    );
    expect(answers.map(({ status }) => status)).toEqual([201, 201, 201]);
  });

  it('takes a sane request id, and makes one instead of any other', async () => {
    const sane = await fetch(`${world.base}/health`, { headers: { 'x-request-id': 'my-request-1' } });
    expect(sane.headers.get('x-request-id')).toBe('my-request-1');
    const other = await fetch(`${world.base}/health`, { headers: { 'x-request-id': 'a b' } });
    expect(other.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
    expect(other.headers.get('x-content-type-options')).toBe('nosniff');
  });

  it('compresses what is large for who takes that, but no events', async () => {
    const headers = { authorization: 'Bearer admin', 'accept-encoding': 'gzip' };
    const raw = await get(`${world.base}/openapi.yaml`, headers);
    expect(raw.encoding).toBe('gzip');
    expect(gunzipSync(raw.body).toString()).toContain('openapi: 3.0.3');
    const stream = await fetch(`${world.base}/services/${world.own.service}/logs?follow=true`, { headers });
    expect(stream.headers.get('content-encoding')).toBeNull();
    await stream.body?.cancel();
  });

  it('cuts off a body that is too large though its length was not stated', async () => {
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        controller.enqueue(new Uint8Array(65_536).fill(32));
      },
    });
    const sent = fetch(`${world.base}/projects`, {
      method: 'POST',
      body: endless,
      duplex: 'half',
      ...as('dev', { 'content-type': 'application/json' }),
    });
    const answer = await sent.catch(() => undefined);
    // The connection may be gone before the client reads the answer.
    if (answer) expect(await answer.json()).toMatchObject({ code: 'payload_too_large' });
  });

  it('ends followed logs cleanly when the server stops', async () => {
    const labels = { [SERVICE_LABEL]: 'web' };
    const guest = await make(world.api, Guest, {
      apiVersion: 'containr.dev/v1alpha1',
      kind: 'Guest',
      metadata: { name: 'web-r1-0', namespace: 'shop', labels },
      spec: { hostname: 'web', artifact: sampleArtifact, process: { command: ['serve'] } },
    });
    const response = await fetch(`${world.base}/services/${world.own.service}/logs?follow=true`, as('viewer'));
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    const line = { position: 1, time: new Date(), source: 'stdout', text: 'hello' } as const;
    await world.api.logs.append(`guest/${guest.metadata.uid}`, [line], 1);
    let text = '';
    while (!text.includes('hello')) text += (await reader?.read())?.value ?? '';
    await world.close();
    expect(await reader?.read()).toMatchObject({ done: true });
    expect(text).toMatch(/^retry: 2000\n\nevent: log\nid: .*\ndata: \{.*"message":"hello".*\}\n\n$/);
    world = await serveRest();
  });
});

/** As it came, for fetch unpacks on its own. */
function get(url: string, headers: Record<string, string>): Promise<{ encoding: string | undefined; body: Buffer }> {
  return new Promise((resolve, reject) => {
    request(url, { headers }, async (response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of response) chunks.push(chunk);
      resolve({ encoding: response.headers['content-encoding'], body: Buffer.concat(chunks) });
    })
      .on('error', reject)
      .end();
  });
}
