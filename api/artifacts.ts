import { createHmac, timingSafeEqual } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { Hono } from 'hono';
import type { Clock } from '../controller/clock.ts';
import type { ApiContext, ApiEnv } from './context.ts';
import { Refused } from './status.ts';

/** Image archives that Proxmox nodes fetch, and the key that the addresses are signed with. */
export interface Artifacts {
  key: Buffer;
  /** The file of an archive by its digest `sha256:...`; undefined when it is not kept. */
  pathOf(digest: string): string | undefined | Promise<string | undefined>;
}

const digestPattern = /^sha256:[0-9a-f]{64}$/;

/** An address under which anyone may fetch one archive until `expires`: nodes cannot show a token. */
export function signArtifactUrl(base: string, digest: string, key: Buffer, expires: Date): string {
  const seconds = String(Math.floor(expires.getTime() / 1000));
  const query = new URLSearchParams({ expires: seconds, signature: signatureOf(digest, seconds, key) });
  return `${base.replace(/\/+$/, '')}/artifacts/${digest}.tar?${query.toString()}`;
}

/** Serves archives to whoever has a signed address. */
export function artifactRoutes({ artifacts, clock }: { artifacts: Artifacts; clock: Clock }): Hono<ApiEnv> {
  const routes = new Hono<ApiEnv>();
  routes.get('/artifacts/:file', async (context) => {
    const digest = context.req.param('file').replace(/\.tar$/, '');
    const { expires = '', signature = '' } = context.req.query();
    if (!isSigned({ digest, expires, signature }, artifacts.key)) {
      throw new Refused('Forbidden', 'The address of the archive is not signed by this installation.');
    }
    if (Number(expires) * 1000 < clock.now().getTime()) {
      throw new Refused(
        'Forbidden',
        'The address of the archive has expired. The next try gets a new one; check that the clocks agree.',
      );
    }
    return sendFile(context, digest, await artifacts.pathOf(digest));
  });
  return routes;
}

async function sendFile(context: ApiContext, digest: string, path: string | undefined): Promise<Response> {
  const found = path === undefined ? undefined : await stat(path).catch(() => undefined);
  if (path === undefined || !found?.isFile())
    throw new Refused('NotFound', `The archive ${digest} is not kept here any more.`);
  context.header('Content-Type', 'application/x-tar');
  context.header('Content-Length', String(found.size));
  context.header('ETag', `"${digest}"`);
  if (context.req.method === 'HEAD') return context.body(null);
  const stream = createReadStream(path, { highWaterMark: 256 * 1024, end: Math.max(0, found.size - 1) });
  return new Response(Readable.toWeb(stream), { headers: context.res.headers });
}

function isSigned(
  { digest, expires, signature }: Record<'digest' | 'expires' | 'signature', string>,
  key: Buffer,
): boolean {
  if (!digestPattern.test(digest) || !/^\d{1,12}$/.test(expires)) return false;
  const [given, right] = [Buffer.from(signature), Buffer.from(signatureOf(digest, expires, key))];
  return given.length === right.length && timingSafeEqual(given, right);
}

function signatureOf(digest: string, expires: string, key: Buffer): string {
  return createHmac('sha256', key).update(`artifact\n${digest}\n${expires}`).digest('base64url');
}
