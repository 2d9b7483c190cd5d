import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { BuildRequest, DockerClient } from '../client.ts';

const { signal } = new AbortController();

/** What every Docker engine does that a DockerClient stands for. `client` is asked for in each test. */
export function dockerConformance(client: () => DockerClient): void {
  let contextDir: string;
  let lines: string[];
  let percents: number[];

  beforeEach(async () => {
    contextDir = await mkdtemp(join(tmpdir(), 'containr-docker-'));
    lines = [];
    percents = [];
  });
  afterEach(() => rm(contextDir, { recursive: true, force: true }));

  async function build(files: Record<string, string>, changes: Partial<BuildRequest> = {}) {
    for (const [name, content] of Object.entries(files)) {
      await mkdir(dirname(join(contextDir, name)), { recursive: true });
      await writeFile(join(contextDir, name), content);
    }
    const request = {
      contextDir,
      dockerfile: 'Dockerfile',
      tag: 'test/app:1',
      args: {},
      labels: {},
      platform: 'linux/amd64',
    };
    return client().build(
      { ...request, ...changes },
      (line) => lines.push(line),
      (percent) => percents.push(percent),
      signal,
    );
  }

  const dockerfile = [
    'FROM scratch',
    'COPY app.txt /srv/app.txt',
    'ENV A=b',
    'EXPOSE 8080',
    'WORKDIR /srv',
    'USER 1000:1000',
    'STOPSIGNAL SIGINT',
    'ENTRYPOINT ["/srv/app"]',
    'CMD ["--serve"]',
  ].join('\n');

  it('builds an image, step by step, and knows it afterwards', async () => {
    const { imageId } = await build(
      { Dockerfile: dockerfile, 'app.txt': 'hello' },
      { labels: { 'test.label': 'yes' } },
    );
    expect(imageId).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(lines[0]).toMatch(/^Step 1\/\d+ : FROM scratch$/);
    expect(percents[0]).toBe(0);
    expect(percents.at(-1)).toBe(100);
    expect(percents).toEqual(percents.toSorted((a, b) => a - b));
    expect(await client().inspect('test/app:1', signal)).toMatchObject({
      id: imageId,
      architecture: 'amd64',
      os: 'linux',
      config: {
        entrypoint: ['/srv/app'],
        cmd: ['--serve'],
        env: expect.arrayContaining(['A=b']),
        workingDir: '/srv',
        user: '1000:1000',
        stopSignal: 'SIGINT',
        exposedPorts: ['8080/tcp'],
        labels: { 'test.label': 'yes' },
      },
    });
  });

  it('says which step failed', async () => {
    const failing = build({ Dockerfile: 'FROM scratch\nCOPY gone.txt /\n' });
    await expect(failing).rejects.toMatchObject({
      meaning: 'buildFailed',
      step: expect.stringMatching(/^Step 2\/\d+ : COPY/),
    });
  });

  it('says that there is no Dockerfile, or none that is one', async () => {
    await expect(build({})).rejects.toMatchObject({ meaning: 'dockerfileNotFound' });
    await expect(build({ Dockerfile: 'NONSENSE\n' })).rejects.toMatchObject({ meaning: 'invalid' });
  });

  it('says that a Dockerfile needs BuildKit which its classic builder does not understand', async () => {
    const failing = build({
      Dockerfile: 'FROM scratch\nCOPY a.txt /\nRUN --mount=type=cache,target=/x true\n',
      'a.txt': '',
    });
    await expect(failing).rejects.toThrow(/requires BuildKit/);
  });

  it('saves an image as a tar, and says when there is none', async () => {
    const { imageId } = await build({ Dockerfile: dockerfile, 'app.txt': 'hello' });
    const saved = await buffer(await client().save(imageId, signal));
    expect(saved.toString('latin1', 257, 262)).toBe('ustar');
    await expect(client().save('test/gone:1', signal)).rejects.toMatchObject({ meaning: 'imageNotFound' });
  });

  it('lists images by label, and removes them', async () => {
    const { imageId } = await build({ Dockerfile: dockerfile, 'app.txt': '1' }, { labels: { 'test.list': 'a' } });
    const listed = async (label: string) => (await client().listByLabel(label, signal)).map((image) => image.imageId);
    expect(await listed('test.list')).toEqual([imageId]);
    expect(await listed('test.list=a')).toEqual([imageId]);
    expect(await listed('test.list=b')).toEqual([]);
    await client().remove('test/app:1', signal);
    await client().remove('test/app:1', signal);
    expect(await listed('test.list')).toEqual([]);
    expect(await client().inspect(imageId, signal)).toBeUndefined();
  });

  it('does nothing for a signal that has aborted', async () => {
    const aborted = AbortSignal.abort(new Error('stop'));
    await expect(client().info(aborted)).rejects.toThrow('stop');
  });
}
