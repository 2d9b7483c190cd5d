import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { Readable } from 'node:stream';
import { extract, type Header } from 'tar-stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openBuildContext } from './build-context.ts';

const { signal } = new AbortController();

let contextDir: string;
beforeEach(async () => {
  contextDir = await mkdtemp(join(tmpdir(), 'containr-context-'));
  await write({ Dockerfile: 'FROM scratch\n' });
});
afterEach(() => rm(contextDir, { recursive: true, force: true }));

async function write(files: Record<string, string>): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(contextDir, name)), { recursive: true });
    await writeFile(join(contextDir, name), content);
  }
}

async function pack({ dockerfile = 'Dockerfile', maxBytes = 1024 ** 2 } = {}) {
  const context = await openBuildContext({ contextDir, dockerfile, maxBytes }, signal);
  const entries: { header: Header; text: string }[] = [];
  const archive = extract();
  context.pipe(archive);
  for await (const entry of archive) entries.push({ header: entry.header, text: await text(Readable.from(entry)) });
  return entries;
}

const names = (entries: { header: Header }[]) => entries.map(({ header }) => header.name);

describe('openBuildContext', () => {
  it('packs files and folders in the order of their names', async () => {
    await write({ 'b.txt': 'b', 'a/x.txt': 'x', 'empty.txt': '' });
    const entries = await pack();
    expect(names(entries)).toEqual(['Dockerfile', 'a', 'a/x.txt', 'b.txt', 'empty.txt']);
    expect(entries.find(({ header }) => header.name === 'a/x.txt')?.text).toBe('x');
  });

  it('makes everything readable, whatever the umask of whoever checked it out', async () => {
    await write({ program: '', notes: '' });
    await chmod(join(contextDir, 'program'), 0o700);
    await chmod(join(contextDir, 'notes'), 0o600);
    const modes = new Map((await pack()).map(({ header }) => [header.name, header.mode]));
    expect([modes.get('program'), modes.get('notes')]).toEqual([0o755, 0o644]);
  });

  it('leaves out what .dockerignore names, but not what the engine needs', async () => {
    await write({
      '.dockerignore': 'node_modules\n*\n!src\nsrc/secret\nDockerfile\n',
      'node_modules/a/b': '',
      'src/app': '',
      'src/secret': '',
      other: '',
    });
    expect(names(await pack())).toEqual(['.dockerignore', 'Dockerfile', 'src', 'src/app']);
  });

  it('finds an exception in a folder that is left out', async () => {
    await write({ '.dockerignore': 'docs\n!docs/keep/README.md\n', 'docs/x': '', 'docs/keep/README.md': '' });
    expect(names(await pack())).toEqual(['.dockerignore', 'Dockerfile', 'docs/keep/README.md']);
  });

  it('finds the Dockerfile in an ignored folder', async () => {
    await write({ '.dockerignore': 'build\n', 'build/Dockerfile': '', 'build/x': '' });
    expect(names(await pack({ dockerfile: 'build/Dockerfile' }))).toContain('build/Dockerfile');
  });

  it('sends links as links, wherever they point', async () => {
    await symlink('/etc/passwd', join(contextDir, 'passwd'));
    await symlink('..', join(contextDir, 'up'));
    const links = (await pack()).filter(({ header }) => header.type === 'symlink');
    expect(links.map(({ header, text }) => [header.name, header.linkname, text])).toEqual([
      ['passwd', '/etc/passwd', ''],
      ['up', '..', ''],
    ]);
  });

  it('leaves out sockets', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(join(contextDir, 'socket'), resolve));
    expect(names(await pack())).toEqual(['Dockerfile']);
    server.close();
  });

  it('packs long and foreign names', async () => {
    const name = `${'n'.repeat(120)}/${'ü'.repeat(60)}`;
    await write({ [name]: 'x' });
    expect(names(await pack())).toContain(name);
  });

  it('says that there is no Dockerfile, also outside the folder', async () => {
    for (const dockerfile of ['gone', '../../../../etc/passwd']) {
      await expect(pack({ dockerfile })).rejects.toMatchObject({ meaning: 'dockerfileNotFound' });
    }
  });

  it('takes no more than it may', async () => {
    await write({ big: 'x'.repeat(1000) });
    await expect(pack({ maxBytes: 999 })).rejects.toMatchObject({ meaning: 'invalid' });
    await write({ '.dockerignore': 'big' });
    await expect(pack({ maxBytes: 999 })).resolves.toHaveLength(2);
  });
});
