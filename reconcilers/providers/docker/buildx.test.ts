import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createBuildx } from './buildx.ts';
import type { BuildRequest } from './client.ts';

const { signal } = new AbortController();
const bait = '$(touch bitten); `id` "\' && --privileged | *';

/** Records how it was called, and plays a build of two steps. */
const docker = `#!/bin/sh
[ "$2" = version ] && { echo "github.com/docker/buildx v0.30.1 abc"; exit 0; }
here="$(dirname "$0")"
for argument in "$@"; do printf 'ARG<%s>\\n' "$argument" >> "$here/arguments"; done
env > "$here/environment"
cp "$DOCKER_CONFIG/config.json" "$here/config.json"
for argument in "$@"; do case "$argument" in --iidfile=*) echo sha256:abc > "\${argument#--iidfile=}";; esac; done
echo '#5 [1/2] FROM docker.io/library/alpine' >&2
echo '#6 [2/2] RUN make' >&2
echo '#6 0.512 no space left on device' >&2
[ -f "$here/fails" ] && { echo '#6 ERROR: process "/bin/sh -c make" did not complete successfully: exit code: 2' >&2; exit 1; }
exit 0
`;

describe('BuildKit through the docker program', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'containr-buildx-'));
    await mkdir(join(folder, 'bin'));
    await mkdir(join(folder, 'work'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  async function install(text: string): Promise<void> {
    await writeFile(join(folder, 'bin/docker'), text);
    await chmod(join(folder, 'bin/docker'), 0o755);
  }

  function buildx(endpoint = 'tcp://10.0.0.9:2376', path = `${join(folder, 'bin')}:/usr/bin:/bin`) {
    const tls = { ca: 'CA', cert: 'CERT', key: 'KEY' };
    return createBuildx({ endpoint, tls }, { path, workDir: join(folder, 'work') });
  }

  function request(changes: Partial<BuildRequest> = {}): BuildRequest {
    const usual = { contextDir: join(folder, 'a source'), dockerfile: 'Dockerfile', tag: 'containr/shop-web:1' };
    return { ...usual, args: {}, labels: {}, platform: 'linux/amd64', buildkit: { secrets: {} }, ...changes };
  }

  async function build(changes: Partial<BuildRequest> = {}, endpoint?: string) {
    const lines: string[] = [];
    const percents: number[] = [];
    const building = buildx(endpoint).build(
      request(changes),
      (line) => lines.push(line),
      (percent) => percents.push(percent),
      signal,
    );
    return { ...(await building), lines, percents };
  }

  it('says how far it is, step by step, and what image came of it', async () => {
    await install(docker);
    const { imageId, percents, lines } = await build();
    expect(imageId).toBe('sha256:abc');
    expect(percents).toEqual([0, 50, 100]);
    expect(lines).toContain('#6 [2/2] RUN make');
  });

  it('hands every text on as it is, one argument each, and secrets in none', async () => {
    await install(docker);
    await build({
      dockerfile: '/plans/railpack-plan.json',
      args: { A: bait },
      labels: { b: bait },
      buildkit: { frontend: 'ghcr.io/railwayapp/railpack-frontend:v0.17.1', secrets: { LD_PRELOAD: 'hunter2' } },
    });
    const text = await readFile(join(folder, 'bin/arguments'), 'utf8');
    const given = text.trim().split('\n');
    expect(given).toEqual(
      expect.arrayContaining([
        'ARG<--file=/plans/railpack-plan.json>',
        'ARG<--build-arg=BUILDKIT_SYNTAX=ghcr.io/railwayapp/railpack-frontend:v0.17.1>',
        `ARG<--build-arg=A=${bait}>`,
        `ARG<--label=b=${bait}>`,
        'ARG<--secret=id=LD_PRELOAD,env=CONTAINR_BUILD_SECRET_0>',
      ]),
    );
    expect(given.slice(-2)).toEqual(['ARG<-->', `ARG<${join(folder, 'a source')}>`]);
    expect(text).not.toContain('hunter2');
    const environment = await readFile(join(folder, 'bin/environment'), 'utf8');
    expect(environment).toContain('CONTAINR_BUILD_SECRET_0=hunter2');
    expect(environment).not.toMatch(/^LD_PRELOAD=/m);
    expect(environment).toMatch(/^DOCKER_HOST=tcp:\/\/10.0.0.9:2376$/m);
    expect(environment).toMatch(/^DOCKER_TLS_VERIFY=1$/m);
  });

  it('shows registries credentials through a file that is gone afterwards', async () => {
    await install(docker);
    await build({ registries: { 'docker.io': { username: 'ada', password: 'hunter2' } } });
    const auth = Buffer.from('ada:hunter2').toString('base64');
    const config: unknown = JSON.parse(await readFile(join(folder, 'bin/config.json'), 'utf8'));
    expect(config).toEqual({ auths: { 'https://index.docker.io/v1/': { auth } } });
    expect(await readdir(join(folder, 'work'))).toEqual([]);
  });

  it('says which step failed and what it last said, whatever words that is made of', async () => {
    await install(docker);
    await writeFile(join(folder, 'bin/fails'), '');
    await expect(build()).rejects.toMatchObject({
      meaning: 'buildFailed',
      step: '[2/2] RUN make',
      lines: ['no space left on device'],
      message: expect.stringMatching(/^\[2\/2\] RUN make failed: .*exit code: 2/),
    });
  });

  it.each([
    ['the program', undefined],
    ['its buildx', '#!/bin/sh\necho "docker: unknown command: docker buildx" >&2; exit 1\n'],
  ])('names the command that installs %s where it is missing', async (_, text) => {
    if (text !== undefined) await install(text);
    const path = text === undefined ? join(folder, 'bin') : undefined;
    expect(await buildx(undefined, path).version(signal)).toBeUndefined();
    const building = buildx(undefined, path).build(
      request(),
      () => undefined,
      () => undefined,
      signal,
    );
    await expect(building).rejects.toMatchObject({
      meaning: 'toolMissing',
      message: expect.stringMatching(/apt install docker-cli docker-buildx/),
    });
  });

  it('takes no id of a secret that says more than an id', async () => {
    await install(docker);
    await expect(build({ buildkit: { secrets: { 'a,src=/etc/shadow': 'x' } } })).rejects.toMatchObject({
      meaning: 'invalid',
    });
  });

  it('does not pretend to reach BuildKit through ssh', async () => {
    await install(docker);
    await expect(build({}, 'ssh://me@host')).rejects.toMatchObject({ meaning: 'invalid' });
  });
});
