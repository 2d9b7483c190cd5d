import { mkdir, mkdtemp, rm, writeFile, copyFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { repackImage } from '../oci/repack-image.ts';
import type { DockerClient } from './client.ts';
import { createDockerClient } from './docker-client.ts';
import { pinnedReference } from './image-reference.ts';
import { dockerConformance } from './testing/conformance.ts';
import { startPrivateRegistry } from './testing/private-registry.ts';
import { startDaemon, whyNoDaemon, type TestDaemon } from './testing/docker-daemon.ts';

const busybox = '/bin/busybox';
const why = whyNoDaemon() ?? (existsSync(busybox) ? undefined : 'a static busybox is not installed (busybox-static)');
if (why !== undefined) console.warn(`skipped: tests of a real Docker engine, for ${why}`);

const { signal } = new AbortController();

describe.skipIf(why !== undefined)('a DockerClient: a real engine', () => {
  let daemon: TestDaemon;
  let client: DockerClient;
  let folder: string;
  beforeAll(async () => {
    daemon = await startDaemon();
    client = createDockerClient({ endpoint: daemon.endpoint });
  });
  afterAll(async () => {
    await client.close();
    await daemon[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'containr-docker-'));
    await mkdir(join(folder, 'bin'));
    await copyFile(busybox, join(folder, 'bin/busybox'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  dockerConformance(() => client);

  async function build(dockerfile: string, onLog: (line: string) => void = () => undefined, stop = signal) {
    await writeFile(join(folder, 'Dockerfile'), dockerfile);
    const request = {
      contextDir: folder,
      dockerfile: 'Dockerfile',
      tag: 'test/box:1',
      args: { WORD: 'hi' },
      labels: {},
    };
    return client.build({ ...request, platform: 'linux/amd64' }, onLog, () => undefined, stop);
  }

  const shell = 'FROM scratch\nCOPY bin/busybox /bin/busybox\nCOPY bin/busybox /bin/sh\n';

  it('says who it is', async () => {
    expect(await client.info(signal)).toMatchObject({ version: expect.stringMatching(/^\d+\./), os: 'linux' });
  });

  it('runs commands, with the arguments given, and passes on what they print as plain text', async () => {
    const lines: string[] = [];
    await build(`${shell}ARG WORD\nRUN printf 'say \\033[31m%s\\033[0m\\n' "$WORD"\n`, (line) => lines.push(line));
    expect(lines).toContain('say hi');
  });

  it('says what a failing command last said', async () => {
    const failing = build(`${shell}RUN echo no space left on device; exit 3\n`);
    await expect(failing).rejects.toMatchObject({
      meaning: 'buildFailed',
      step: expect.stringMatching(/^Step 4\/\d+ : RUN/),
      lines: ['no space left on device'],
      message: expect.stringMatching(/non-zero code: 3/),
    });
  });

  it('stops a build when it is told to', async () => {
    const stop = new AbortController();
    const building = build(
      `${shell}RUN echo begun; sleep 1000\n`,
      (line) => line === 'begun' && stop.abort(new Error('stop')),
      stop.signal,
    );
    await expect(building).rejects.toThrow('stop');
    // Another build is not held up by what is left of the one before.
    await build(shell);
  });

  it('takes the image that is there when the registry cannot be reached, and says so', async () => {
    const { imageId } = await build(shell);
    const lines: string[] = [];
    await writeFile(join(folder, 'Dockerfile'), shell);
    const request = { contextDir: folder, dockerfile: 'Dockerfile', args: {}, labels: {}, platform: 'linux/amd64' };
    await client.build(
      { ...request, tag: '127.0.0.1:1/box:1' },
      () => undefined,
      () => undefined,
      signal,
    );
    const pulled = await client.pull(
      '127.0.0.1:1/box:1',
      undefined,
      (line) => lines.push(line),
      () => undefined,
      signal,
    );
    expect(pulled.imageId).toBe(imageId);
    expect(lines.join('\n')).toMatch(/copy on the engine is used/);
    const absent = client.pull(
      '127.0.0.1:1/gone:1',
      undefined,
      () => undefined,
      () => undefined,
      signal,
    );
    await expect(absent).rejects.toMatchObject({ meaning: 'unreachable' });
  });

  it('shows credentials to the registry, and tells a refusal from an absence', async () => {
    const seen: (string | undefined)[] = [];
    const registry = createServer((request, response) => {
      seen.push(request.headers.authorization);
      if (request.headers.authorization === undefined) {
        response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
      } else if (request.url === '/v2/') response.writeHead(200).end();
      else
        response.writeHead(404, { 'content-type': 'application/json' }).end('{"errors":[{"code":"MANIFEST_UNKNOWN"}]}');
    });
    await new Promise<void>((resolve) => registry.listen(0, '127.0.0.1', resolve));
    const { port } = registry.address() as AddressInfo;
    const image = `127.0.0.1:${port}/box:1`;
    const none = client.pull(
      image,
      undefined,
      () => undefined,
      () => undefined,
      signal,
    );
    await expect(none).rejects.toMatchObject({ meaning: 'denied' });
    const absent = client.pull(
      image,
      { username: 'ada', password: 'hunter2' },
      () => undefined,
      () => undefined,
      signal,
    );
    await expect(absent).rejects.toMatchObject({ meaning: 'imageNotFound' });
    await expect(absent).rejects.not.toThrow(/hunter2/);
    expect(seen).toContain(`Basic ${Buffer.from('ada:hunter2').toString('base64')}`);
    registry.closeAllConnections();
    registry.close();
  });

  it('pulls from a private registry with credentials, step by step, and knows the digest', async () => {
    await using registry = await startPrivateRegistry('ada', 'hunter2');
    const image = `${registry.host}/box:1`;
    const pull = (password: string, percents: number[] = []) =>
      client.pull(
        image,
        { username: 'ada', password },
        () => undefined,
        (one) => percents.push(one),
        signal,
      );
    await expect(pull('wrong')).rejects.toMatchObject({ meaning: 'denied' });
    await expect(pull('wrong')).rejects.not.toThrow(/wrong/);
    const percents: number[] = [];
    const { imageId, digest } = await pull('hunter2', percents);
    expect(digest).toBe(registry.digest);
    expect(percents.at(-1)).toBe(100);
    expect(percents).toEqual(percents.toSorted((a, b) => a - b));
    expect(await client.inspect(imageId, signal)).toMatchObject({ config: { cmd: ['/hello'] } });
    const pinned = pinnedReference(image, registry.digest);
    const again = await client.pull(
      pinned,
      { username: 'ada', password: 'hunter2' },
      () => undefined,
      () => undefined,
      signal,
    );
    expect(again).toEqual({ imageId, digest });
    await client.remove(imageId, signal);
  });

  it('shows credentials to the registry of the image that a Dockerfile begins with, and to no other', async () => {
    await using registry = await startPrivateRegistry('ada', 'hunter2');
    await writeFile(join(folder, 'Dockerfile'), `FROM ${registry.host}/box:1\nENV A=b\n`);
    const request = { contextDir: folder, dockerfile: 'Dockerfile', tag: 'test/from:1', args: {}, labels: {} };
    const login = { username: 'ada', password: 'hunter2' };
    const from = (host: string) =>
      client.build(
        { ...request, platform: 'linux/amd64', registries: { [host]: login } },
        () => undefined,
        () => undefined,
        signal,
      );
    await expect(from('ghcr.io')).rejects.toMatchObject({ meaning: expect.stringMatching(/denied|imageNotFound/) });
    const { imageId } = await from(registry.host);
    expect(await client.inspect(imageId, signal)).toMatchObject({ config: { cmd: ['/hello'] } });
  });

  it('says that BuildKit is not to be had where no program for it is named', async () => {
    const request = { contextDir: folder, dockerfile: 'Dockerfile', tag: 'test/kit:1', args: {}, labels: {} };
    const building = client.build(
      { ...request, platform: 'linux/amd64', buildkit: { secrets: {} } },
      () => undefined,
      () => undefined,
      signal,
    );
    await expect(building).rejects.toMatchObject({ meaning: 'toolMissing' });
  });

  it('saves images that can be repacked for Proxmox, twice to the same bytes', async () => {
    const { imageId } = await build(`${shell}WORKDIR /srv\nUSER 7\nCMD ["/bin/sh"]\n`);
    const digests: string[] = [];
    for (const name of ['first', 'second']) {
      const workDir = join(folder, name);
      await mkdir(workDir);
      const save = await client.save(imageId, signal);
      const init = { bytes: Buffer.from('supervisor') };
      const repacked = await repackImage(
        { save, workDir, init, configKey: Buffer.alloc(32), architecture: 'amd64' },
        signal,
      );
      expect(repacked.process).toMatchObject({ command: ['/bin/sh'], workingDir: '/srv', user: '7' });
      digests.push(repacked.digest);
    }
    expect(digests[0]).toBe(digests[1]);
  });
});
