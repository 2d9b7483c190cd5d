import { access, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { RepoSync } from '../../crds/repo-sync.ts';
import { repoSyncWorld, serviceYaml, type RepoSyncWorld } from './repo-sync-world.ts';

interface Attack {
  what: string;
  /** Changes the repository, or the spec. */
  mount(world: RepoSyncWorld): Promise<Record<string, unknown> | void>;
  reason: string;
  words: RegExp;
}

const bomb = [
  'a: &a [x, x, x, x, x, x, x, x, x]',
  ...[...'bcdefghij'].map(
    (letter, index) => `${letter}: &${letter} [${Array(9).fill(`*${'abcdefghij'[index]}`).join(', ')}]`,
  ),
].join('\n');

async function commit(world: RepoSyncWorld, files: Record<string, string | Buffer>): Promise<void> {
  await world.repository.commit(files);
}

const attacks: readonly Attack[] = [
  {
    what: 'a link to a file outside',
    async mount(world) {
      await writeFile(join(world.folder, 'outside.yaml'), serviceYaml('outside'));
      await symlink(join(world.folder, 'outside.yaml'), join(world.repository.path, 'deploy/x.yaml'));
      await commit(world, {});
    },
    reason: 'SourceNotAllowed',
    words: /deploy\/x\.yaml is a link that leads out/,
  },
  {
    what: 'a folder that is a link to one outside',
    async mount(world) {
      await mkdir(join(world.folder, 'elsewhere'));
      await writeFile(join(world.folder, 'elsewhere/x.yaml'), serviceYaml('outside'));
      await symlink(join(world.folder, 'elsewhere'), join(world.repository.path, 'linked'));
      await commit(world, {});
      return { path: '/linked' };
    },
    reason: 'SourceNotAllowed',
    words: /leads out of the repository/,
  },
  {
    what: 'a submodule',
    async mount(world) {
      const head = await world.repository.git('rev-parse', 'HEAD');
      await world.repository.git('update-index', '--add', '--cacheinfo', `160000,${head},deploy/sub`);
      await world.repository.git('commit', '-q', '-m', 'Submodule');
    },
    reason: 'SourceNotAllowed',
    words: /deploy\/sub is a submodule/,
  },
  {
    what: 'a pointer of Git LFS',
    mount: (world) =>
      commit(world, { 'deploy/x.yaml': 'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n' }),
    reason: 'SourceNotAllowed',
    words: /Git LFS/,
  },
  {
    what: 'a huge file of manifests',
    mount: (world) => commit(world, { 'deploy/x.yaml': `# ${'x'.repeat(1_100_000)}\n${serviceYaml('x')}` }),
    reason: 'SourceNotAllowed',
    words: /larger than 1 MiB/,
  },
  {
    what: 'a huge repository',
    mount: (world) => commit(world, { 'blob.bin': Buffer.alloc(9 * 2 ** 20, 1) }),
    reason: 'SourceTooLarge',
    words: /larger than the 8 MiB/,
  },
  {
    what: '10,000 documents',
    mount: (world) => commit(world, { 'deploy/x.yaml': '---\na: 1\n'.repeat(10_000) }),
    reason: 'ManifestInvalid',
    words: /more than 5000 documents/,
  },
  {
    what: 'aliases that unfold to a billion',
    mount: (world) => commit(world, { 'deploy/x.yaml': `${bomb}\n` }),
    reason: 'ManifestInvalid',
    words: /aliases/,
  },
  {
    what: 'endless nesting',
    mount: (world) => commit(world, { 'deploy/x.yaml': `a: ${'['.repeat(20_000)}${']'.repeat(20_000)}\n` }),
    reason: 'ManifestInvalid',
    words: /nested deeper|not valid YAML/,
  },
  {
    what: 'a field stated twice',
    mount: (world) => commit(world, { 'deploy/x.yaml': `${serviceYaml('x')}kind: Secret\n` }),
    reason: 'ManifestInvalid',
    words: /"kind" a second time/,
  },
  {
    what: 'a prototype',
    mount: (world) => commit(world, { 'deploy/x.yaml': `${serviceYaml('x')}__proto__: { admin: true }\n` }),
    reason: 'ManifestInvalid',
    words: /not known/,
  },
  {
    what: 'broken YAML',
    mount: (world) => commit(world, { 'deploy/x.yaml': 'a: [\n' }),
    reason: 'ManifestInvalid',
    words: /line \d+ is not valid YAML/,
  },
  {
    what: 'a cluster of its own',
    mount: (world) =>
      commit(world, {
        'deploy/x.yaml': 'apiVersion: containr.dev/v1alpha1\nkind: Project\nmetadata: { name: other }\nspec: {}\n',
      }),
    reason: 'ManifestInvalid',
    words: /Project other: .*administrators/,
  },
  {
    what: 'no object at all',
    async mount(world) {
      await world.repository.git('rm', '-q', 'deploy/a.yaml', 'deploy/b.yaml');
      await commit(world, { 'deploy/readme.md': 'Nothing.' });
    },
    reason: 'SourceEmpty',
    words: /no object/,
  },
  {
    what: 'a folder that is not there',
    mount: async () => ({ path: '/nowhere' }),
    reason: 'SourceNotFound',
    words: /no folder \/nowhere/,
  },
  {
    what: 'a branch that is not there',
    mount: async () => ({ branch: 'gone' }),
    reason: 'SourceNotFound',
    words: /gone/,
  },
  {
    what: 'a branch that Git takes for no name',
    mount: async () => ({ branch: 'main//upload-pack' }),
    reason: 'SourceNotAllowed',
    words: /branch is not a valid name/,
  },
  {
    what: 'hooks and filters',
    async mount(world) {
      await commit(world, {
        '.gitattributes': '* filter=evil\n',
        '.git-hooks/post-checkout': `#!/bin/sh\ntouch ${world.folder}/executed\n`,
        'deploy/x.yaml': 'kind: Nonsense\n',
      });
    },
    reason: 'ManifestInvalid',
    words: /not a kind/,
  },
];

describe('the spec of a RepoSync', () => {
  it.each([
    [{ url: 'https://git.example.com/a.git', branch: '--upload-pack=touch /executed' }],
    [{ url: 'ext::sh -c touch% /executed' }],
    [{ url: '--upload-pack=touch' }],
    [{ url: 'https://git.example.com/a.git', path: '../../etc' }],
  ])('takes no %j', (spec) => {
    expect(RepoSync.specSchema.safeParse(spec).success).toBe(false);
  });
});

describe('a RepoSync on a hostile repository', () => {
  it.each(attacks)(
    'says what is wrong with $what, runs nothing and deletes nothing',
    async ({ mount, reason, words }) => {
      await using world = await repoSyncWorld({ maxBytes: 8 * 2 ** 20 });
      await world.repository.commit({ 'deploy/a.yaml': serviceYaml('a'), 'deploy/b.yaml': serviceYaml('b') });
      await world.sync({ prune: true, pruneLimit: 100 });
      await world.until(async () => (await world.condition('Ready'))?.status === 'True');
      const before = await Promise.all(['a', 'b'].map((name) => world.service(name)));

      const spec = await mount(world);
      await world.rewrite({ prune: true, pruneLimit: 100, ...spec });
      await world.until(async () => (await world.condition('Ready'))?.reason === reason);
      expect((await world.condition('Ready'))?.message).toMatch(words);
      expect(await Promise.all(['a', 'b'].map((name) => world.service(name)))).toEqual(before);
      for (const name of ['x', 'outside']) expect(await world.service(name)).toBeUndefined();
      expect((await world.site()).status.inventory).toHaveLength(2);
      await expect(access(join(world.folder, 'executed'))).rejects.toThrow(/ENOENT/);
    },
  );
});
