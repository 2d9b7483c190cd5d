import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Hono } from 'hono';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeClock } from '../test/harness/fake-clock.ts';
import { artifactRoutes, signArtifactUrl } from './artifacts.ts';
import type { ApiEnv } from './context.ts';
import { respondError } from './respond.ts';

const key = Buffer.alloc(32, 7);
const digest = `sha256:${'ab'.repeat(32)}`;
const clock = new FakeClock();
const soon = new Date(clock.now().getTime() + 60_000);

let folder: string;
let app: Hono<ApiEnv>;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'containr-artifacts-'));
  await writeFile(join(folder, 'archive.tar'), Buffer.alloc(700_000, 'x'));
  app = new Hono<ApiEnv>();
  app.route(
    '/',
    artifactRoutes({
      artifacts: { key, pathOf: (asked) => (asked === digest ? join(folder, 'archive.tar') : undefined) },
      clock,
    }),
  );
  app.onError((error, context) => respondError(context, error, (cause) => expect(cause).toBeUndefined()));
});
afterEach(() => rm(folder, { recursive: true }));

function pathOf(url: string): string {
  const { pathname, search } = new URL(url);
  return `${pathname}${search}`;
}

describe('an archive', () => {
  it('is sent whole, with its length, to who has a signed address', async () => {
    const answer = await app.request(pathOf(signArtifactUrl('http://10.0.0.2:8080/', digest, key, soon)));
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-length')).toBe('700000');
    expect((await answer.arrayBuffer()).byteLength).toBe(700_000);
  });

  it('tells its length to who asks for no more', async () => {
    const answer = await app.request(pathOf(signArtifactUrl('http://x', digest, key, soon)), { method: 'HEAD' });
    expect(answer.headers.get('content-length')).toBe('700000');
    expect(await answer.text()).toBe('');
  });

  it.each<[string, (path: string) => string]>([
    ['without a signature', (path) => path.replace(/&signature=.*/, '')],
    ['with another signature', (path) => path.replace(/signature=.{5}/, 'signature=AAAAA')],
    ['for another archive', (path) => path.replace('abab', 'cdcd')],
    ['for longer', (path) => path.replace(/expires=\d+/, 'expires=99999999999')],
    ['for a path', (path) => path.replace(/sha256:[0-9a-f]+/, '..%2F..%2Fetc%2Fpasswd')],
  ])('is not sent %s', async (_, change) => {
    const answer = await app.request(change(pathOf(signArtifactUrl('http://x', digest, key, soon))));
    expect(answer.status).toBe(403);
  });

  it('is not sent after the address has expired', async () => {
    const past = new Date(clock.now().getTime() - 1_000);
    const answer = await app.request(pathOf(signArtifactUrl('http://x', digest, key, past)));
    expect(await answer.json()).toMatchObject({ code: 403, message: expect.stringContaining('has expired') });
  });

  it('is not there when it is no longer kept', async () => {
    const other = `sha256:${'cd'.repeat(32)}`;
    expect((await app.request(pathOf(signArtifactUrl('http://x', other, key, soon)))).status).toBe(404);
  });
});
