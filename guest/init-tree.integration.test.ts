import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmod,
  link,
  lstat,
  mkdir,
  mkdtemp,
  readFile,
  readlink,
  rm,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { compileBinaries } from './testing/supervisor.ts';

const run = promisify(execFile);
const { available, init, folder } = await compileBinaries();
const isRoot = process.getuid?.() === 0;
if (!isRoot) console.warn('skipped in part: giving files to other users needs root');

interface Ended {
  code: number | null;
  stdout: Buffer;
  stderr: string;
}

async function word(words: readonly string[], input: Uint8Array = Buffer.alloc(0)): Promise<Ended> {
  const child = spawn(init, words, { stdio: ['pipe', 'pipe', 'pipe'] });
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  const [stdout, stderr] = [child.stdout, child.stderr].map((stream) => {
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    return chunks;
  });
  await once(child, 'close');
  return { code: child.exitCode, stdout: Buffer.concat(stdout ?? []), stderr: Buffer.concat(stderr ?? []).toString() };
}

/** One member as tar has it: the header and the content, padded. */
function member(name: string, about: { type?: string; link?: string; content?: string; size?: number } = {}): Buffer {
  const content = Buffer.from(about.content ?? '');
  const header = Buffer.alloc(512);
  header.write(name, 0, 100);
  header.write('0000644\0', 100);
  header.write('0000000\0', 108);
  header.write('0000000\0', 116);
  header.write(`${(about.size ?? content.length).toString(8).padStart(11, '0')}\0`, 124);
  header.write('00000000000\0', 136);
  header.write('        ', 148);
  header.write(about.type ?? '0', 156);
  header.write(about.link ?? '', 157, 100);
  header.write('ustar\x0000', 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return Buffer.concat([header, content, Buffer.alloc((512 - (content.length % 512)) % 512)]);
}

const end = Buffer.alloc(1024);

describe.skipIf(!available)('the words of the supervisor', () => {
  let place = '';
  beforeEach(async () => {
    place = await mkdtemp(join(folder, 'tree-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  async function makeTree(top: string): Promise<void> {
    await mkdir(join(top, 'a/b'), { recursive: true });
    await mkdir(join(top, 'closed'));
    await writeFile(join(top, 'a/file'), 'content', { mode: 0o640 });
    await writeFile(join(top, 'a/empty'), '');
    await writeFile(join(top, 'a/b/big'), Buffer.alloc(200_001, 'x'));
    await writeFile(join(top, `a/${'long'.repeat(40)}`), 'long');
    await writeFile(join(top, 'a/größe\n"quoted"'), 'odd');
    await symlink('../nowhere', join(top, 'a/link'));
    await symlink('t'.repeat(300), join(top, 'a/long-link'));
    await link(join(top, 'a/file'), join(top, 'z-same-file'));
    execFileSync('mkfifo', [join(top, 'pipe')]);
    await chmod(join(top, 'a/empty'), 0o4755);
    await utimes(join(top, 'a/file'), 1_000_000, 1_000_000);
    await utimes(join(top, 'a/b'), 2_000_000, 2_000_000);
    if (isRoot) execFileSync('chown', ['-h', '1234:2345', join(top, 'a/b/big'), join(top, 'a/link')]);
    await chmod(join(top, 'closed'), 0o500);
  }

  it('carry a tree over as it was, and the digest says so', async () => {
    await makeTree(join(place, 'one'));
    const archive = await word(['archive', join(place, 'one')]);
    expect(archive).toMatchObject({ code: 0, stderr: '' });
    expect(await word(['unarchive', join(place, 'two/new')], archive.stdout)).toMatchObject({ code: 0, stderr: '' });
    const [one, two] = await Promise.all(['one', 'two/new'].map((top) => word(['digest', join(place, top)])));
    expect(one?.stdout.toString()).toMatch(/^[0-9a-f]{64} 6 200022\n$/);
    expect(two).toEqual(one);
    expect((await word(['archive', join(place, 'two/new')])).stdout.equals(archive.stdout)).toBe(true);
    const [first, second] = await Promise.all(
      ['a/file', 'z-same-file'].map((name) => lstat(join(place, 'two/new', name))),
    );
    expect(first?.ino).toBe(second?.ino);
    expect(first?.mtimeMs).toBe(1_000_000_000);
    expect((await lstat(join(place, 'two/new/a/b'))).mtimeMs).toBe(2_000_000_000);
    expect((await lstat(join(place, 'two/new/a/empty'))).mode & 0o7777).toBe(0o4755);
    expect((await lstat(join(place, 'two/new/closed'))).mode & 0o7777).toBe(0o500);
    expect(await readlink(join(place, 'two/new/a/long-link'))).toBe('t'.repeat(300));
    if (isRoot) expect(await lstat(join(place, 'two/new/a/link'))).toMatchObject({ uid: 1234, gid: 2345 });
  });

  it('understand what other tars write, and are understood by them', async () => {
    await makeTree(join(place, 'one'));
    const digest = (await word(['digest', join(place, 'one')])).stdout.toString();
    for (const format of ['gnu', 'pax']) {
      const tar = await run('tar', [`--format=${format}`, '-C', join(place, 'one'), '-c', '.'], {
        encoding: 'buffer',
        maxBuffer: 1e8,
      });
      expect(await word(['unarchive', join(place, format)], tar.stdout)).toMatchObject({ code: 0, stderr: '' });
      expect((await word(['digest', join(place, format)])).stdout.toString()).toBe(digest);
    }
    const { stdout } = await word(['archive', join(place, 'one')]);
    await writeFile(join(place, 'ours.tar'), stdout);
    await mkdir(join(place, 'theirs'));
    execFileSync('tar', ['-xpf', join(place, 'ours.tar'), '-C', join(place, 'theirs')]);
    expect((await word(['digest', join(place, 'theirs')])).stdout.toString()).toBe(digest);
  });

  it.each<[string, (top: string) => Promise<void>]>([
    ['a byte of a file', (top) => writeFile(join(top, 'a/file'), 'Content')],
    ['a file that is longer', (top) => writeFile(join(top, 'a/file'), 'contents')],
    ['the mode of a file', (top) => chmod(join(top, 'a/file'), 0o600)],
    ['the mode of the top', (top) => chmod(top, 0o711)],
    ['where a link leads', (top) => rm(join(top, 'a/link')).then(() => symlink('../elsewhere', join(top, 'a/link')))],
    ['a name', (top) => writeFile(join(top, 'a/more'), '')],
    ['a folder that is empty', (top) => mkdir(join(top, 'a/more')).then(() => undefined)],
    ['a file that is gone', (top) => rm(join(top, 'a/empty'))],
  ])('find another digest for %s', async (_, change) => {
    const top = join(place, 'one');
    await makeTree(top);
    const before = await word(['digest', top]);
    await utimes(join(top, 'a/b/big'), 5, 5);
    expect(await word(['digest', top])).toEqual(before);
    await change(top);
    expect((await word(['digest', top])).stdout.toString()).not.toBe(before.stdout.toString());
  });

  it('leave out sockets, and what a file system brings along', async () => {
    const top = join(place, 'one');
    await mkdir(top);
    const before = await word(['digest', top]);
    const server = createServer().listen(join(top, 'socket'));
    await once(server, 'listening');
    if (isRoot) await mkdir(join(top, 'lost+found'));
    expect(await word(['digest', top])).toEqual(before);
    expect((await word(['archive', top])).stdout.length).toBe(512 + 1024);
    server.close();
  });

  it.each<[string, Buffer, RegExp]>([
    ['a path that goes up', member('../evil', { content: 'x' }), /'\.\.'/],
    ['a path that goes up inside', member('a/../../evil', { content: 'x' }), /'\.\.'/],
    ['an absolute path', member('/tmp/containr-evil', { content: 'x' }), /absolute path/],
    [
      'a link and a file behind it',
      Buffer.concat([member('out', { type: '2', link: '..' }), member('out/evil', { content: 'x' })]),
      /cannot go through out/,
    ],
    [
      'a link and a folder in its place',
      Buffer.concat([member('out', { type: '2', link: '..' }), member('out/', { type: '5' })]),
      /something else is there/,
    ],
    ['another name for a file outside', member('evil', { type: '1', link: '../victim' }), /'\.\.'/],
    [
      'another name for a file behind a link',
      Buffer.concat([member('out', { type: '2', link: '..' }), member('evil', { type: '1', link: 'out/victim' })]),
      /cannot go through out/,
    ],
    [
      'another name for a link',
      Buffer.concat([member('out', { type: '2', link: '../victim' }), member('evil', { type: '1', link: 'out' })]),
      /no file in it/,
    ],
    ['a file where the folder itself is', member('./', { type: '2', link: '..' }), /where the folder itself is/],
    ['a device', member('null', { type: '3' }), /type '3'/],
    ['a sparse file', member('sparse', { type: 'S' }), /type 'S'/],
    [
      'a path in a record',
      Buffer.concat([member('pax', { type: 'x', content: '18 path=../../evil\n'.replace('18', '19') }), member('ok')]),
      /'\.\.'/,
    ],
    [
      'a record longer than it is',
      Buffer.concat([member('pax', { type: 'x', content: '99 path=a\n' }), member('ok')]),
      /record that is none/,
    ],
    [
      'a record of no length',
      Buffer.concat([member('pax', { type: 'x', content: '0 path=a\n' }), member('ok')]),
      /record that is none/,
    ],
    ['a size beyond all disks', member('big', { content: 'x', size: 0o77777777777 }), /ends in the middle/],
    ['nothing', Buffer.alloc(0), /ends in the middle/],
    ['something else', Buffer.alloc(2048, 'not a tar'), /no number/],
  ])('refuse an archive with %s', async (_, bytes, why) => {
    await writeFile(join(place, 'victim'), 'safe');
    await mkdir(join(place, 'in'));
    const ended = await word(
      ['unarchive', join(place, 'in')],
      Buffer.concat([bytes, end]).subarray(0, bytes.length === 0 ? 0 : undefined),
    );
    expect(ended.code).toBe(1);
    expect(ended.stderr).toMatch(why);
    expect(await readFile(join(place, 'victim'), 'utf8')).toBe('safe');
    expect((await run('ls', [place])).stdout).toBe('in\nvictim\n');
    expect((await lstat(join(place, 'victim'))).nlink).toBe(1);
  });

  it('refuse an archive that was cut, wherever', async () => {
    await makeTree(join(place, 'one'));
    const { stdout } = await word(['archive', join(place, 'one')]);
    for (const at of [100, 512, 1500, 5000, 100_000, stdout.length - 1024])
      expect((await word(['unarchive', join(place, `cut-${at}`)], stdout.subarray(0, at))).code).toBe(1);
  });

  it('write through no link that lies there already', async () => {
    await mkdir(join(place, 'in'));
    await writeFile(join(place, 'victim'), 'safe');
    await symlink('../victim', join(place, 'in/file'));
    const bytes = Buffer.concat([member('file', { content: 'new' }), end]);
    expect(await word(['unarchive', join(place, 'in')], bytes)).toMatchObject({ code: 0 });
    expect(await readFile(join(place, 'victim'), 'utf8')).toBe('safe');
    expect(await readFile(join(place, 'in/file'), 'utf8')).toBe('new');
  });

  it('say what is wrong', async () => {
    expect((await word(['digest', '/no/such'])).stderr).toBe('cannot open /no/such: No such file or directory\n');
    expect(await word(['digest'])).toMatchObject({ code: 1, stderr: 'usage: init digest|archive|unarchive PATH\n' });
    expect((await word(['else', tmpdir()])).code).toBe(1);
  });

  it('go as deep as folders go', async () => {
    execFileSync('sh', [
      '-c',
      'cd "$1" && for i in $(seq 600); do mkdir d && cd -P d || exit 1; done; echo x >f',
      'sh',
      place,
    ]);
    const archive = await word(['archive', place]);
    expect(archive).toMatchObject({ code: 0, stderr: '' });
    const top = await mkdtemp(join(folder, 'deep-'));
    expect(await word(['unarchive', join(top, 'x')], archive.stdout)).toMatchObject({ code: 0, stderr: '' });
    expect((await word(['digest', join(top, 'x')])).stdout.toString()).toBe(
      (await word(['digest', place])).stdout.toString(),
    );
  });
});
