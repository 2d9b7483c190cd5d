import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { traefikConfig } from '../../api/traefik-config.ts';
import { specs } from '../../api/testing/access-table.ts';
import { allKinds } from '../../crds/kinds.ts';
import { Proxy } from '../../crds/proxy.ts';
import { Route } from '../../crds/route.ts';
import { createGitClient } from '../../reconcilers/providers/git/git-client.ts';
import { probeHttp } from '../../reconcilers/providers/guest/probe.ts';
import { mountPathProblem, mountText, parseMount } from '../../reconcilers/providers/proxmox/mount.ts';
import { createCaddyClient } from '../../reconcilers/providers/proxy/caddy-client.ts';
import type { ProxySettings } from '../../reconcilers/providers/proxy/client.ts';
import { createFakeCaddy } from '../../reconcilers/providers/proxy/fake.ts';
import { createRouteTable } from '../../reconcilers/providers/proxy/route-table.ts';
import { wantedHosts } from '../../reconcilers/route/hosts.ts';
import { FakeClock } from '../harness/fake-clock.ts';
import { hostileTexts, mutations } from './hostile-strings-corpus.ts';
import { stringFields } from './hostile-strings-fields.ts';
import { acceptedTexts } from './hostile-strings-spec.ts';

const { signal } = new AbortController();

/** What the schemas let through in every field of a name, whatever the kind: a new one is among them. */
function acceptedIn(ending: RegExp, kinds = allKinds): string[] {
  const fields = kinds.flatMap((kind) => stringFields(kind, { ...specs[kind.kind] }));
  const matching = fields.filter(({ path }) => ending.test(path));
  expect(matching.length).toBeGreaterThan(0);
  return [...new Set(matching.flatMap(acceptedTexts))];
}

/** Also what the schemas refuse: each edge stands alone. */
const everything = [...new Set(hostileTexts.flatMap((text) => mutations('main', text)))];

describe('Git', () => {
  let folder: string;
  beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), 'containr-hostile-'))));
  afterEach(() => rm(folder, { recursive: true, force: true }));

  /** A git that notes its arguments, one a line in hex, and fails. */
  async function recordingGit(): Promise<string> {
    const path = join(folder, 'git');
    const note = `for word in "$@"; do printf '%s' "$word" | od -An -v -tx1 | tr -d ' \\n'; printf '\\n'; done`;
    await writeFile(
      path,
      `#!/bin/sh\n{ ${note}; echo; } >> '${folder}/calls'\necho 'fatal: not found' >&2\nexit 128\n`,
    );
    await chmod(path, 0o755);
    return path;
  }

  async function callsOf(repositories: readonly string[], branches: readonly string[]): Promise<string[][]> {
    const client = createGitClient({
      allowedLocalPaths: [],
      maxBytes: 1_000_000,
      timeoutMs: 10_000,
      workDir: join(folder, 'work'),
      gitBinary: await recordingGit(),
    });
    for (const url of repositories)
      for (const branch of branches) await client.resolve({ url }, { branch }, signal).catch(() => undefined);
    const text = await readFile(join(folder, 'calls'), 'utf8').catch(() => '');
    return text
      .split('\n\n')
      .filter((call) => call !== '')
      .map((call) =>
        call
          .trim()
          .split('\n')
          .map((word) => Buffer.from(word, 'hex').toString('utf8')),
      );
  }

  it('gets every branch behind "--" and below refs', async () => {
    const branches = [...acceptedIn(/\.branch$/), ...everything];
    const calls = await callsOf(['https://git.invalid/x.git'], branches);
    expect(calls.length).toBeGreaterThan(5);
    for (const [command, quiet, end, source, ...names] of calls) {
      expect([command, quiet, end, source]).toEqual(['ls-remote', '--quiet', '--', 'https://git.invalid/x.git']);
      for (const name of names) expect(branches.map((branch) => name.includes(branch))).toContain(true);
      for (const name of names) expect(name).toMatch(/^refs\/(heads|tags)\/[^\s~^:?*[\\]+(\^\{\})?$/);
    }
  }, 60_000);

  it('gets every repository behind "--", as a URL of the web or of a host that is none of its options', async () => {
    const calls = await callsOf([...acceptedIn(/\.(repository|url)$/), ...everything], ['main']);
    expect(calls.length).toBeGreaterThan(5);
    for (const [command, quiet, end, source, ...names] of calls) {
      expect([command, quiet, end]).toEqual(['ls-remote', '--quiet', '--']);
      expect(source).toMatch(/^(https?:\/\/[^\s/]|ssh:\/\/[A-Za-z0-9_[][^\s?#\\]*$|([\w.+-]+@)?[\w[][^\s@:/]*:(?!-))/);
      expect(names).toEqual(['refs/heads/main', 'refs/tags/main^{}', 'refs/tags/main']);
    }
  }, 60_000);
});

describe('the proxy', () => {
  const manifest = { name: 'web', namespace: 'shop', uid: '0b0e', resourceVersion: '1', generation: 1 };
  const metadata = { ...manifest, creationTimestamp: '2026-01-01T00:00:00Z' };
  const envelope = { apiVersion: 'containr.dev/v1alpha1', metadata, status: {} };

  function textsIn(value: unknown): string[] {
    if (typeof value === 'string') return [value];
    if (typeof value !== 'object' || value === null) return [];
    return Object.entries(value).flatMap(([key, inner]) => [key, ...textsIn(inner)]);
  }

  /** The texts of the proxy's configuration once it was told of a host; undefined when it was not taken. */
  async function written(host: string, more: Partial<ProxySettings> = {}): Promise<string[] | undefined> {
    const admin = createFakeCaddy({ config: {} });
    const client = createCaddyClient({ admin });
    const table = createRouteTable({ client, clock: new FakeClock(), onLateAnswer: () => undefined });
    table.configure({ httpPort: 80, httpsPort: 443, ...more });
    table.put({ id: 'a', hosts: [{ host, tls: 'auto' }], upstreams: ['10.0.0.5:80'] });
    if (!table.refusalOf('a')) await table.answered('a', 1_000, signal);
    const isTaken = table.acknowledged('a') !== undefined;
    await table.close();
    return isTaken ? textsIn(admin.config) : undefined;
  }

  it('gets every host as it is, and no placeholder that is not ours', async () => {
    const usual = (await written('app.example.com')) ?? [];
    const ours = new Set(usual.filter((text) => text.includes('{')));
    expect(ours.size).toBeGreaterThan(0);
    const hosts = acceptedIn(/\.host$/, [Route]);
    for (const host of new Set([...hosts, ...everything])) {
      const texts = await written(host);
      if (texts === undefined) {
        expect(hosts).not.toContain(host);
        continue;
      }
      expect(texts).toContain(host);
      expect(texts.filter((text) => text.includes('{') && !ours.has(text))).toEqual([]);
    }
  });

  it('gets generated names and addresses of mail without a placeholder, or not at all', async () => {
    for (const baseDomain of acceptedIn(/\.baseDomain$/, [Proxy])) {
      const proxy = Proxy.read({ ...envelope, kind: 'Proxy', spec: { type: 'traefik', baseDomain } });
      const route = Route.read({ ...envelope, kind: 'Route', spec: { service: 'web', port: 80 } });
      for (const { host } of wantedHosts(route, proxy)) expect(host).toMatch(/^[a-z0-9.-]+$/);
    }
    for (const email of acceptedIn(/\.email$/, [Proxy]))
      expect(
        (await written('app.example.com', { email }))?.filter((text) =>
          /\{(env|\$|http\.request\.header)/.test(text),
        ) ?? [],
      ).toEqual([]);
  });

  it('tells Traefik hosts in rules that nothing ends early', () => {
    const proxy = Proxy.read({
      ...envelope,
      metadata: { ...metadata, name: 'edge' },
      kind: 'Proxy',
      spec: { type: 'traefik' },
    });
    for (const host of [...acceptedIn(/\.host$/, [Route]), ...everything]) {
      const route = Route.read({
        ...envelope,
        kind: 'Route',
        spec: { service: 'web', port: 80 },
        status: { proxy: 'edge', hosts: [host] },
      });
      for (const { rule } of Object.values(traefikConfig([route], [proxy]).http?.routers ?? {}))
        expect(rule).toMatch(/^(Host\(`[a-z0-9.-]+`\)|HostRegexp\(`\^\[\^\.\]\+(\\\.[a-z0-9-]+)+\$`\))$/);
    }
  });
});

describe('Proxmox', () => {
  it('gets the path of a volume as one part of its mount point, or not at all', () => {
    for (const path of [...acceptedIn(/\.mountPath$/), ...everything]) {
      if (mountPathProblem(path) !== undefined) continue;
      const mount = { volume: 'local-lvm:vm-100-disk-1', path, readOnly: true };
      expect(parseMount(mountText(mount))).toEqual({ ...mount, size: undefined });
    }
  });
});

describe('a health check', () => {
  it('asks for exactly the path that was written', async () => {
    const asked: (string | undefined)[] = [];
    const server = createServer((request, response) => {
      asked.push(request.url);
      response.end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    const paths = acceptedIn(/healthCheck\.http\.path$/);
    for (const path of paths) await probeHttp('127.0.0.1', port, path, 2_000, signal);
    server.close();
    expect(asked).toEqual(paths);
  });
});
