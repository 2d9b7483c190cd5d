import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { Readable } from 'node:stream';
import type Docker from 'dockerode';
import { z } from 'zod';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EntryFixture } from '../lxc/archive-fixture.ts';
import { build, builtId, connect, refusal, type BuildMessage, type BuildOptions } from './box-fixture.ts';
import { readFiles } from './build-stage.ts';
import { startDockerBox, type DockerBox } from './docker-box.ts';
import { dockerDaemonAvailability, startDockerDaemon, type DockerDaemon } from './docker-daemon.ts';
import { readContent } from './file-tree.ts';
import { ImageStore } from './image-store.ts';
import { loadImages } from './load-image.ts';

const availability = dockerDaemonAvailability();
if (!availability.available) console.log(`The box is not compared with Docker: ${availability.reason}`);

const context: EntryFixture[] = [
  { name: 'top.txt', content: 'top', mode: 0o600, uid: 5, gid: 6 },
  { name: 'run', content: '#!', mode: 0o755 },
  { name: 'link', type: 'symlink', linkname: 'top.txt' },
  { name: 'sub/', type: 'directory', mode: 0o700 },
  { name: 'sub/a.txt', content: 'a' },
  { name: 'sub/link', type: 'symlink', linkname: '../top.txt' },
  { name: 'sub/deep/', type: 'directory', mode: 0o755 },
  { name: 'sub/deep/b.txt', content: 'b' },
  { name: 'root/', type: 'directory', mode: 0o755 },
  { name: 'root/usr/bin/', type: 'directory', mode: 0o755 },
  { name: 'root/bin', type: 'symlink', linkname: 'usr/bin' },
  { name: 'root/etc/passwd', content: 'root:x:0:0::/:\napp:x:77:78::/:\n' },
  { name: 'root/etc/group', content: 'root:x:0:\nstaff:x:99:\n' },
];

/** Dockerfiles that both build, and what they show. */
const same: Array<[about: string, dockerfile: string, options?: BuildOptions]> = [
  ['files to a folder and to a new name', 'COPY top.txt /\nCOPY top.txt /dir/\nCOPY top.txt /dir/other\nCOPY run /dir'],
  ['a folder, whose contents are copied', 'COPY sub /dst\nCOPY sub /dst2/\nCOPY . /all/'],
  ['a link among files, and a link as the source', 'COPY link /followed\nCOPY sub/link /l'],
  ['wildcards and several sources', 'COPY *.txt sub/*.txt /many/\nCOPY ru? /one'],
  ['a list of words', 'COPY ["top.txt", "/with space"]\nADD ["run", "sub/a.txt", "/x/"]'],
  ['places relative to the working directory', 'WORKDIR /srv\nCOPY top.txt .\nCOPY sub ./\nWORKDIR app\nCOPY run here'],
  [
    'owners by number and by name',
    'COPY root /\nCOPY --chown=7:8 sub /n/\nCOPY --chown=app:staff run /m/n\nCOPY --chown=9 run /o',
  ],
  ['a path through a link in the image', 'COPY root /\nCOPY run /bin/\nCOPY top.txt /bin/t'],
  ['a file over an old one', 'COPY top.txt /x\nCOPY run /x'],
  [
    'variables',
    'ARG A=1\nARG B\nENV X=${A}-$B Y="q $A" Z=\'$A\'\nENV OLD form is kept $X\nLABEL l=${NONE:-def} m=${A:+set} "k 2"=\\$A\nWORKDIR /$A/${X}\nUSER ${A}00\nEXPOSE $A 80 8000-8002/udp',
    { buildargs: { B: 'given' } },
  ],
  ['environment before argument', 'ARG P=arg\nENV P=env\nLABEL p=$P', { buildargs: { P: 'caller' } }],
  [
    'everything that says how to run',
    'ENTRYPOINT ["/run", "a b"]\nCMD ["x"]\nSTOPSIGNAL SIGINT\nVOLUME /data /more\nVOLUME ["/list"]\nHEALTHCHECK --interval=5s --timeout=1m30s --retries=4 CMD /run check\nUSER 1:2\nEXPOSE 53/udp',
  ],
  ['commands for a shell', 'CMD echo "a b" $HOME\nENTRYPOINT run me'],
  ['another shell', 'SHELL ["/s", "-c"]\nCMD a b'],
  ['a health check of words, and none', 'HEALTHCHECK CMD ["/run", "check"]'],
  ['no health check', 'HEALTHCHECK NONE'],
  ['an entrypoint after a command', 'CMD ["a"]\nENTRYPOINT ["b"]'],
  ['comments and long lines', '# c\nENV A=1 \\\n  # inside\n  B=2\n  # last\nlabel x=y'],
  ['labels of the caller', 'LABEL a=1', { labels: { b: `it's "2" $x`, a: 'over' } }],
];

/** Contexts and Dockerfiles that both refuse before they begin. */
const refused: Array<[about: string, dockerfile: string, options?: BuildOptions]> = [
  ['an unknown instruction', 'FROM scratch\nFOO bar\n'],
  ['an empty Dockerfile', '\n# nothing\n'],
  ['a Dockerfile of no bytes', ''],
  ['no FROM', 'COPY a b\n'],
  ['too few words', 'FROM scratch\nCOPY top.txt\n'],
  ['a variable without value', 'FROM scratch\nENV A\n'],
  ['a Dockerfile that is not there', 'FROM scratch\nCOPY top.txt /\n', { dockerfile: 'no/such' }],
  ['a target that is not there', 'FROM scratch\nCOPY top.txt /\n', { target: 'nope' }],
  ['a target by number', 'FROM scratch\nCOPY top.txt /\n', { target: '0' }],
  ['a name that is none', 'FROM scratch\nCOPY top.txt /\n', { t: 'BAD' }],
];

/** Dockerfiles whose build begins and fails. */
const failing: Array<[about: string, dockerfile: string]> = [
  ['a source that is not there', 'COPY missing /'],
  ['a source outside', 'COPY ../x /'],
  ['several sources to a file', 'COPY top.txt run /x'],
  ['a signal that is none', 'STOPSIGNAL FOO'],
  ['a port that is none', 'EXPOSE abc'],
  ['a stage that is this one', 'COPY --from=0 /x /'],
];

/** The rest of a configuration is about the container that Docker built in. */
const runKeys = new Set(
  'Entrypoint Cmd Env WorkingDir User ExposedPorts Labels Healthcheck StopSignal Volumes Shell OnBuild'.split(' '),
);

describe.skipIf(!availability.available)('a Docker box beside a Docker daemon', () => {
  let folder: string;
  let daemon: DockerDaemon;
  let box: DockerBox;
  let engines: [real: Docker, ours: Docker];
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'docker-likeness-'));
    daemon = await startDockerDaemon({ dataDir: join(folder, 'daemon') });
    box = await startDockerBox();
    engines = [connect(daemon.endpoint), connect(box.endpoint)];
  });
  afterAll(async () => {
    await box.close();
    await daemon.close();
    await rm(folder, { recursive: true });
  });

  function files(dockerfile: string): EntryFixture[] {
    return [{ name: 'Dockerfile', content: dockerfile }, ...context];
  }

  /** The files and the configuration of an image, without what must differ. */
  async function describeImage(docker: Docker, id: string): Promise<unknown> {
    const { Config, Os, Architecture } = await docker.getImage(id).inspect();
    const archive = join(folder, 'saved.tar');
    await writeFile(archive, await buffer(Readable.from(await docker.getImage(id).get())));
    const store = new ImageStore(await mkdtemp(join(folder, 'store-')));
    const [loaded] = await loadImages(store, archive);
    const tree = await readFiles(store, loaded?.image);
    const files = await Promise.all(
      tree.below('').map(async ([path, entry]) => {
        const { type, mode, uid, gid } = entry;
        const hash = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
        const what = type === 'file' ? hash(await readContent(entry.content)) : type === 'link' ? entry.target : '';
        return `${path} ${type} ${type === 'link' ? '' : mode.toString(8)} ${uid}:${gid} ${what}`;
      }),
    );
    const run = Object.fromEntries(Object.entries(Config).filter(([key]) => runKeys.has(key)));
    return { files, run, Os, Architecture };
  }

  /** The steps of a build as people read them, without ids and without containers. */
  function steps(messages: readonly BuildMessage[]): string[] {
    return messages
      .map(({ stream, error }) => error ?? stream ?? '')
      .filter((line) => !/^ ---> |^Removing |^Successfully |^\n?$/.test(line));
  }

  it.each(same)('builds the same image from %s', async (_, dockerfile, options) => {
    const text = `FROM scratch\nCOPY run /first\n${dockerfile}\n`;
    const [real, ours] = await Promise.all(engines.map((docker) => build(docker, files(text), options)));
    if (!real || !ours) throw new Error('both were built');
    expect(steps(ours)).toEqual(steps(real));
    const [wanted, got] = [
      await describeImage(engines[0], builtId(real)),
      await describeImage(engines[1], builtId(ours)),
    ];
    expect(got).toEqual(wanted);
  });

  it('builds the same image from stages', async () => {
    const text =
      'ARG BASE=scratch\nFROM scratch AS Tools\nCOPY root /\nENV FROM_TOOLS=1\nFROM tools AS more\nCOPY sub /sub\nCMD ["inherited"]\nFROM more\nENTRYPOINT ["/run"]\nFROM ${BASE}\nCOPY --from=tools /bin/ /t/\nCOPY --from=1 /sub/deep /d\nCOPY --from=more /etc/passwd /sub/a.txt /p/\nFROM more\nENTRYPOINT ["/run"]\n';
    const [real, ours] = await Promise.all(engines.map((docker) => build(docker, files(text))));
    if (!real || !ours) throw new Error('both were built');
    expect(steps(ours)).toEqual(steps(real));
    expect(await describeImage(engines[1], builtId(ours))).toEqual(await describeImage(engines[0], builtId(real)));
    for (const target of ['tools', 'MORE']) {
      const [wanted, got] = await Promise.all(
        engines.map(async (docker) => builtId(await build(docker, files(text), { target }))),
      );
      expect(await describeImage(engines[1], got ?? '')).toEqual(await describeImage(engines[0], wanted ?? ''));
    }
  });

  it('drops its own two files from the image when they are ignored, as Docker does, and no others', async () => {
    const entries = [
      ...files('FROM scratch\nCOPY . /\n'),
      { name: '.dockerignore', content: 'Docker*\n.docker*\nrun\n' },
    ];
    const [real, ours] = await Promise.all(engines.map((docker) => build(docker, entries)));
    expect(await describeImage(engines[1], builtId(ours ?? []))).toEqual(
      await describeImage(engines[0], builtId(real ?? [])),
    );
  });

  it.each(refused)('refuses %s', async (_, dockerfile, options) => {
    const [real, ours] = await Promise.all(engines.map((docker) => refusal(build(docker, files(dockerfile), options))));
    expect(ours).toEqual(real);
  });

  it.each(failing)('fails at %s', async (_, dockerfile) => {
    const text = `FROM scratch\n${dockerfile}\n`;
    const [real, ours] = await Promise.all(engines.map((docker) => build(docker, files(text))));
    expect(steps(ours ?? [])).toEqual(steps(real ?? []));
    expect(ours?.at(-1)?.['errorDetail']).toEqual(real?.at(-1)?.['errorDetail']);
  });

  it('refuses to save an image without files', async () => {
    const text = { Dockerfile: 'FROM scratch\nENV A=1\n' };
    const [real, ours] = await Promise.all(
      engines.map(async (docker) => refusal(docker.getImage(builtId(await build(docker, text))).get())),
    );
    expect(ours).toEqual(real);
  });

  it('says the same of images that are not there', async () => {
    const calls: Array<(docker: Docker) => Promise<unknown>> = [
      (docker) => docker.getImage('nope').inspect(),
      (docker) => docker.getImage('nope:1').remove(),
      (docker) => docker.getImage('nope').tag({ repo: 'x' }),
      (docker) => docker.getImage('team/nope').get(),
      (docker) => docker.getImage('nope').history(),
      (docker) => docker.listImages({ filters: { bogus: ['x'] } }),
    ];
    for (const call of calls) {
      const [real, ours] = await Promise.all(engines.map((docker) => refusal(call(docker))));
      expect(ours).toEqual(real);
    }
  });

  it('lists, tags and removes alike', async () => {
    const [real, ours] = await Promise.all(
      engines.map(async (docker) => {
        const text = 'FROM scratch\nCOPY top.txt /alike\nLABEL alike=yes\n';
        const id = builtId(await build(docker, files(text), { t: 'alike:1' }));
        const image = docker.getImage(id);
        await image.tag({ repo: 'second/alike', tag: '2' });
        const listed = (await docker.listImages({ filters: { label: ['alike=yes'] } })).map(
          ({ RepoTags, Labels, Size }) => ({
            RepoTags: RepoTags?.toSorted(),
            Labels,
            Size,
          }),
        );
        const unnamed = (texts: unknown): string => JSON.stringify(texts).replaceAll(/[0-9a-f]{12,64}/g, 'ID');
        const conflict = unnamed(await refusal(image.remove()));
        const untagged = unnamed(await docker.getImage('second/alike:2').remove());
        // Docker also names the layers it deleted, at the end.
        const removed = unnamed(
          z
            .array(z.unknown())
            .parse(await docker.getImage('alike:1').remove())
            .slice(0, 3),
        );
        return { listed, conflict, untagged, removed };
      }),
    );
    expect(ours).toEqual(real);
  });
});
