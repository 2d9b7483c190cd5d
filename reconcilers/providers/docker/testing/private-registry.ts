import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';

/** A registry on loopback that gives one image, `box:1`, to whoever has the password. */
export interface PrivateRegistry extends AsyncDisposable {
  /** "127.0.0.1:PORT" */
  host: string;
  /** Of the image's manifest. */
  digest: string;
}

const manifestType = 'application/vnd.docker.distribution.manifest.v2+json';

/** Speaks as much of the registry's protocol as an engine needs for pulling. */
export async function startPrivateRegistry(username: string, password: string): Promise<PrivateRegistry> {
  const { blobs, manifest } = await makeImage();
  const digest = digestOf(manifest);
  const expected = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
  const server = createServer((request, response) => {
    const path = request.url ?? '';
    const give = (body: Buffer, type: string): void => {
      const headers = { 'content-type': type, 'content-length': body.length, 'docker-content-digest': digestOf(body) };
      response.writeHead(200, headers).end(request.method === 'HEAD' ? undefined : body);
    };
    if (request.headers.authorization !== expected)
      return void response
        .writeHead(401, { 'www-authenticate': 'Basic realm="box"', 'content-type': 'application/json' })
        .end('{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}');
    if (path === '/v2/') return void response.writeHead(200).end();
    if (path === '/v2/box/manifests/1' || path === `/v2/box/manifests/${digest}`) return give(manifest, manifestType);
    const blob = blobs.get(/^\/v2\/box\/blobs\/(.+)$/.exec(path)?.[1] ?? '');
    if (blob) return give(blob, 'application/octet-stream');
    response.writeHead(404, { 'content-type': 'application/json' }).end('{"errors":[{"code":"MANIFEST_UNKNOWN"}]}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The registry has no port.');
  return {
    host: `127.0.0.1:${address.port}`,
    digest,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function makeImage(): Promise<{ blobs: Map<string, Buffer>; manifest: Buffer }> {
  const files = pack();
  files.entry({ name: 'hello.txt', mtime: new Date(0) }, 'from a private registry');
  files.finalize();
  const tar = await buffer(files);
  const layer = gzipSync(tar);
  const config = Buffer.from(
    JSON.stringify({
      architecture: 'amd64',
      os: 'linux',
      config: { Cmd: ['/hello'] },
      rootfs: { type: 'layers', diff_ids: [digestOf(tar)] },
    }),
  );
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: manifestType,
    config: {
      mediaType: 'application/vnd.docker.container.image.v1+json',
      size: config.length,
      digest: digestOf(config),
    },
    layers: [
      {
        mediaType: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
        size: layer.length,
        digest: digestOf(layer),
      },
    ],
  });
  const blobs = new Map([config, layer].map((blob) => [digestOf(blob), blob]));
  return { blobs, manifest: Buffer.from(manifest) };
}

function digestOf(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}
