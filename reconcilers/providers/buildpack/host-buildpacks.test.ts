import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BuildpackRequest, BuildpackTool } from './client.ts';
import { createHostBuildpacks } from './host-buildpacks.ts';

const { signal } = new AbortController();
const systemPath = '/usr/bin:/bin';

/** Writes each of its arguments, and its environment, one a line behind a mark of its own. */
const recorder = `#!/bin/sh
for argument in "$@"; do printf 'ARG<%s>\\n' "$argument" >> "$HOME/calls"; done
printf 'END\\n' >> "$HOME/calls"
env > "$HOME/environment"
`;

const railpack = `${recorder}
case "$1" in
  --version) echo "railpack version 0.17.1" ;;
  prepare) echo "Detected Node"; printf '{}' > "\${2#--plan-out=}" ;;
esac
`;

const nixpacks = `${recorder}
case "$1" in
  --version) echo "nixpacks 1.41.0" ;;
  plan) echo '{"variables":{"NODE_ENV":"production"}}' ;;
  build) out="\${2#--out=}"; mkdir -p "$out/.nixpacks"; echo 'FROM scratch' > "$out/.nixpacks/Dockerfile"; echo "wrote it" ;;
esac
`;

describe('the build programs of a host', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'containr-buildpacks-'));
    await mkdir(join(folder, 'bin'));
    await mkdir(join(folder, 'source'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  async function install(tool: BuildpackTool, text: string): Promise<void> {
    await writeFile(join(folder, 'bin', tool), text);
    await chmod(join(folder, 'bin', tool), 0o755);
  }

  function hosted(timeoutMs = 30_000) {
    return createHostBuildpacks({
      path: `${join(folder, 'bin')}:${systemPath}`,
      homeDir: join(folder, 'home'),
      timeoutMs,
    });
  }

  function request(changes: Partial<BuildpackRequest> = {}): BuildpackRequest {
    return {
      contextDir: join(folder, 'source'),
      outDir: join(folder, 'out'),
      variables: {},
      secretNames: [],
      ...changes,
    };
  }

  async function calls(): Promise<string[]> {
    const text = await readFile(join(folder, 'home/calls'), 'utf8');
    return text.split('END\n').map((call) => call.trim());
  }

  it('knows the version installed, and that there is none', async () => {
    await install('railpack', railpack);
    expect(await hosted().version('railpack', signal)).toBe('0.17.1');
    expect(await hosted().version('nixpacks', signal)).toBeUndefined();
  });

  it('names the command that installs what is missing', async () => {
    const planning = hosted().prepare('railpack', request(), () => undefined, signal);
    await expect(planning).rejects.toMatchObject({
      meaning: 'missing',
      message: expect.stringMatching(/railpack is not installed.*https:\/\/railpack.com\/install.sh \| sh/),
    });
  });

  it('has railpack write a plan for the frontend of its own version', async () => {
    await install('railpack', railpack);
    const lines: string[] = [];
    const plan = await hosted().prepare('railpack', request(), (line) => lines.push(line), signal);
    expect(plan).toEqual({
      kind: 'frontend',
      contextDir: join(folder, 'source'),
      planFile: join(folder, 'out/railpack-plan.json'),
      frontend: 'ghcr.io/railwayapp/railpack-frontend:v0.17.1',
    });
    expect(lines).toContain('Detected Node');
  });

  it('has nixpacks write a Dockerfile, and takes the values of its arguments from the plan', async () => {
    await install('nixpacks', nixpacks);
    const plan = await hosted().prepare('nixpacks', request(), () => undefined, signal);
    expect(plan).toEqual({
      kind: 'dockerfile',
      contextDir: join(folder, 'out'),
      dockerfile: '.nixpacks/Dockerfile',
      args: { NODE_ENV: 'production' },
    });
    expect((await calls()).at(-2)).toContain('ARG<--no-cache>');
  });

  it.each(['railpack', 'nixpacks'] as const)(
    'hands hostile texts to %s as they are, one argument each',
    async (tool) => {
      await install(tool, tool === 'railpack' ? railpack : nixpacks);
      const bait = `$(touch ${join(folder, 'bitten')}); \`id\` "'\\ && --plan-out=/etc/passwd | * \u00e9`;
      const odd = join(folder, 'a source; touch bitten $(id)');
      await mkdir(odd);
      const wishes = {
        contextDir: odd,
        buildCommand: bait,
        startCommand: `--version ${bait}`,
        variables: { LD_PRELOAD: bait, PATH: '/evil', LIST: 'a,HOME=/evil' },
        secretNames: ['TOKEN'],
      };
      await hosted().prepare(tool, request(wishes), () => undefined, signal);
      const last = (await calls()).at(-2);
      expect(last?.split('\n').slice(tool === 'railpack' ? 2 : 4)).toEqual([
        `ARG<--build-cmd=${bait}>`,
        `ARG<--start-cmd=--version ${bait}>`,
        `ARG<--env=LD_PRELOAD=${bait}>`,
        'ARG<--env=PATH=/evil>',
        // Railpack would take a variable HOME from it.
        tool === 'railpack' ? 'ARG<--env=LIST=>' : 'ARG<--env=LIST=a,HOME=/evil>',
        'ARG<--env=TOKEN=>',
        `ARG<${odd}>`,
      ]);
      await expect(stat(join(folder, 'bitten'))).rejects.toThrow(/ENOENT/);
    },
  );

  it('shows programs nothing of its own environment', async () => {
    await install('railpack', railpack);
    await hosted().prepare('railpack', request({ variables: { LD_PRELOAD: '/evil.so' } }), () => undefined, signal);
    const seen = (await readFile(join(folder, 'home/environment'), 'utf8')).split('\n');
    const names = seen.map((line) => line.split('=')[0]).filter((name) => name !== '');
    expect(names.toSorted()).toEqual(expect.arrayContaining(['CI', 'HOME', 'LC_ALL', 'NO_COLOR', 'PATH']));
    expect(names.filter((name) => !/^(CI|HOME|LC_ALL|NO_COLOR|PATH|PWD|OLDPWD|SHLVL|_)$/.test(name ?? ''))).toEqual([]);
  });

  it('says what a program last said that found no way', async () => {
    await install(
      'railpack',
      `${railpack.replace('prepare)', 'never)')}\n[ "$1" = prepare ] || exit 0\necho oops >&2; exit 3\n`,
    );
    const planning = hosted().prepare('railpack', request(), () => undefined, signal);
    await expect(planning).rejects.toMatchObject({
      meaning: 'failed',
      message: expect.stringMatching(/code 3\): oops/),
    });
  });

  it('ends a program, and all it started, that takes too long or is not wanted any more', async () => {
    await install(
      'railpack',
      '#!/bin/sh\n[ "$1" = --version ] && { echo 1.2.3; exit 0; }\nsleep 1000 & echo begun; wait\n',
    );
    const late = hosted(200).prepare('railpack', request(), () => undefined, signal);
    await expect(late).rejects.toMatchObject({ meaning: 'late' });
    const stop = new AbortController();
    const unwanted = hosted().prepare('railpack', request(), () => stop.abort(new Error('stop')), stop.signal);
    await expect(unwanted).rejects.toThrow('stop');
  });
});
