import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { specs } from '../../api/testing/access-table.ts';
import { findKind } from '../../crds/kinds.ts';
import { Service } from '../../crds/service.ts';
import { readRepositoryUrl } from '../../reconcilers/providers/git/repository-url.ts';
import { mountPathProblem } from '../../reconcilers/providers/proxmox/mount.ts';
import { validateSpec } from './hostile-strings-spec.ts';

/** What once was a hole in another system, and the field of ours where it would be one. Nothing is ever taken off this list. */
const refused: readonly [advisory: string, kind: string, field: string, spec: Record<string, unknown>][] = [
  [
    'CVE-2025-66209, commands in a backup',
    'Backup',
    'spec.source.name',
    { source: { kind: 'Database', name: 'db;id' } },
  ],
  ['CVE-2025-66210, commands in an import', 'Restore', 'spec.backup', { backup: '$(id)' }],
  [
    'CVE-2025-66210, the target of a restore',
    'Restore',
    'spec.target.name',
    { target: { kind: 'Volume', name: "a'\n" } },
  ],
  ['CVE-2025-66211, names of script files', 'Database', 'spec.version', { version: '17;id' }],
  ['CVE-2025-66212, names of proxy files', 'Route', 'spec.domains[0].host', { domains: [{ host: '../../etc/x.y' }] }],
  ['CVE-2025-66213, paths of mounts', 'Service', 'spec.volumes[0].mountPath', volume('/data/../../etc')],
  ['CVE-2025-66213, lines in paths of mounts', 'Service', 'spec.volumes[0].mountPath', volume('/data\nmp1: x')],
  ['CVE-2025-64424, options as branches', 'Service', 'spec.source.branch', git({ branch: '--upload-pack=id' })],
  [
    'CVE-2025-59157, commands as repositories',
    'Service',
    'spec.source.repository',
    git({ repository: 'ext::sh -c id' }),
  ],
  [
    'CVE-2025-34161, options as repositories',
    'Service',
    'spec.source.repository',
    git({ repository: '--upload-pack=id' }),
  ],
  ['CVE-2019-13139, options as commits', 'Service', 'spec.source.commit', git({ commit: '--upload-pack=id' })],
  ['CVE-2026-45628, commands in branches', 'RepoSync', 'spec.branch', { branch: 'main;id' }],
  ['CVE-2025-59158, lines in names of projects', 'Project', 'spec.displayName', { displayName: 'a\r\nb' }],
  ['CVE-2026-84694, names of variables', 'Service', 'spec.env[0].name', { env: [{ name: 'A=1;id', value: '' }] }],
  ['CVE-2026-84694, names of build arguments', 'Service', 'spec.build.args', { build: { args: { 'A B': '' } } }],
  ['CVE-2026-59734, paths of health checks', 'Service', 'spec.healthCheck.http.path', health('/ HTTP/1.1\r\nX: y')],
  ['CVE-2026-27130, names of apps', 'Deployment', 'spec.service', { service: 'web;id' }],
  ['CVE-2026-45662, registries', 'Service', 'spec.source.image', { source: { type: 'image', image: '-x/nginx' } }],
  [
    'CVE-2026-72865, paths of build files',
    'Service',
    'spec.source.dockerfile',
    git({ dockerfile: '../../etc/passwd' }),
  ],
  ['CVE-2026-42200, paths of root folders', 'Service', 'spec.source.rootDirectory', git({ rootDirectory: 'a/../..' })],
  ['CVE-2026-54636, commands in schedules', 'Service', 'spec.schedule', { type: 'cron', schedule: '* * * * * ; id' }],
  ['CVE-2026-54636, output of schedules', 'Service', 'spec.schedule', { type: 'cron', schedule: '* * * * > /x' }],
  ['CVE-2026-34170, addresses of forges', 'GitProvider', 'spec.baseUrl', { baseUrl: 'file:///etc/passwd' }],
  [
    'lines as labels of images',
    'Build',
    'spec.image.labels',
    { image: { name: 'a', tag: 'b', labels: { 'a=b\n': '' } } },
  ],
  [
    'prototypes as names of variables',
    'Service',
    'spec.build.args',
    JSON.parse('{"build":{"args":{"__proto__":"x"}}}'),
  ],
  ['prototypes as keys of secrets', 'Secret', 'spec.data', JSON.parse('{"data":{"__proto__":"x"}}')],
];

function volume(mountPath: string): Record<string, unknown> {
  return { volumes: [{ name: 'data', mountPath }] };
}

function git(source: Record<string, unknown>): Record<string, unknown> {
  return { source: { type: 'git', repository: 'https://git.example/x.git', ...source } };
}

function health(path: string): Record<string, unknown> {
  return { healthCheck: { http: { path, port: 80 } } };
}

describe('what was a hole elsewhere', () => {
  it.each(refused)('is refused: %s', (_, name, field, changes) => {
    const kind = findKind(name);
    if (!kind) throw new Error(`There is no kind ${name}.`);
    const read = validateSpec(kind, { ...specs[name], ...changes });
    expect(read.ok ? [] : read.problems.map(({ path }) => path.replace(/(\[".*"\]|\.__proto__)$/, ''))).toContain(
      field,
    );
  });

  it.each([
    'file://host/etc/passwd',
    'git://git.example/x',
    'ssh://-oProxyCommand=id/x',
    'ssh://a@-oProxyCommand=id/x',
    '-oProxyCommand=id:x',
    'ssh://%2doProxyCommand=id/x',
    'https://user:password@git.example/x',
    'https://git.example/x?a#b',
    'http://169.254.169.254/latest/meta-data',
    'http://2852039166/latest/meta-data',
    'http://0xa9fea9fe/latest/meta-data',
    'http://0251.0376.0251.0376/latest/meta-data',
    'http://[::ffff:169.254.169.254]/latest/meta-data',
    'http://[fe80::1]/x',
    'http://[fd00:ec2::254]/latest/meta-data',
    'ssh://%zz@git.example/x',
    'file:///%zz',
  ])('is no repository: %s', (url) => {
    expect(() => readRepositoryUrl(url)).toThrow(/repository URL/);
  });

  it.each(['/data,mp=/,ro=0', '/data,backup=0', '/', '/./x', '/data '])('is no place for a volume: "%s"', (path) => {
    expect(mountPathProblem(path)).toBeDefined();
  });

  it('runs nothing that the defaults of a Service name', () => {
    const spec = Service.specSchema.parse({ source: { type: 'image', image: 'nginx' } });
    expect([spec.build.buildCommand, spec.build.startCommand, spec.preDeploy, spec.env]).toEqual([
      undefined,
      undefined,
      undefined,
      [],
    ]);
  });
});

describe('processes', () => {
  const root = join(import.meta.dirname, '../..');
  const sources = ['api', 'controller', 'crds', 'reconcilers']
    .flatMap((folder) => readdirSync(join(root, folder), { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts') && !entry.name.endsWith('.test.ts'))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .filter((file) => !/(^|\/)testing(\/|\.ts$)/.test(file))
    .map((file) => ({ file, text: readFileSync(join(root, file), 'utf8') }));

  /** Git, the build programs, the docker program, and PostgreSQL with what its folder needs. Another one is a decision. */
  const starters = [
    'controller/store/embedded/',
    'reconcilers/providers/buildpack/run-program.ts',
    'reconcilers/providers/git/run-git.ts',
  ];

  it('are started by few files, which take arguments as a list', () => {
    const starting = sources.filter(({ text }) => /child_process|worker_threads|node:vm|node:cluster/.test(text));
    expect(
      starting.filter(({ file }) => !starters.some((one) => file.startsWith(one))).map(({ file }) => file),
    ).toEqual([]);
    expect(starting.length).toBeGreaterThan(2);
  });

  it('are never given to a shell, and no text is ever run as code', () => {
    const found = sources.filter(({ text }) =>
      /shell: (?!false)|\bexec(Sync)?\(\s*[`'"]|\beval\(|new Function\(/.test(text),
    );
    expect(found.map(({ file }) => file)).toEqual([]);
  });
});
