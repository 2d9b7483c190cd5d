import { chmod, readFile, writeFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { GitClient } from './client.ts';
import { createGitClient } from './git-client.ts';
import { makeFolder, makeRepository, serveRepositories, type TestFolder, type TestRepository } from './testing.ts';

const { signal } = new AbortController();

let folder: TestFolder;
let repository: TestRepository;
let id: string;
beforeEach(async () => {
  folder = await makeFolder();
  repository = await makeRepository(join(folder.path, 'repositories', 'app'));
  id = await repository.commit({ a: '1' });
});
afterEach(() => folder[Symbol.asyncDispose]());

function makeClient(options: Partial<Parameters<typeof createGitClient>[0]> = {}): GitClient {
  return createGitClient({
    allowedLocalPaths: [],
    maxBytes: 20 * 1024 ** 2,
    timeoutMs: 15_000,
    workDir: join(folder.path, 'work'),
    ...options,
  });
}

const basic = (username: string, password: string) =>
  `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;

/** Lets in whoever shows the header. */
function guarded(header: string) {
  return (request: IncomingMessage, response: ServerResponse) => {
    if (request.headers.authorization === header) return false;
    response.writeHead(401, { 'www-authenticate': 'Basic realm="git"' }).end();
    return true;
  };
}

describe('createGitClient over HTTP', () => {
  it('checks out a commit', async () => {
    await using server = await serveRepositories(join(folder.path, 'repositories'));
    const url = `${server.url}/app/.git`;
    const client = makeClient();
    expect(await client.resolve({ url }, { branch: 'main' }, signal)).toEqual({ commit: id });
    await client.checkout({ url }, id, join(folder.path, 'into'), signal);
    expect(await readFile(join(folder.path, 'into/a'), 'utf8')).toBe('1');
  });

  it('checks out from a server of plain files, which cannot give one commit alone', async () => {
    await repository.git('update-server-info');
    await using server = await serveRepositories(join(folder.path, 'repositories'), (request, response) => {
      readFile(join(folder.path, 'repositories', new URL(request.url ?? '/', 'http://x').pathname)).then(
        (bytes) => response.end(bytes),
        () => response.writeHead(404).end(),
      );
      return true;
    });
    const checkout = makeClient().checkout({ url: `${server.url}/app/.git` }, id, join(folder.path, 'into'), signal);
    await expect(checkout).resolves.toMatchObject({ commit: id });
  });

  it('shows a user name with a password, or a token', async () => {
    const client = makeClient();
    const secret = `p'a"s$s w\u00f6rd`;
    for (const [header, credentials] of [
      [basic('ada', secret), { kind: 'basic', username: 'ada', password: secret }],
      [basic('x-access-token', 'token'), { kind: 'token', token: 'token' }],
    ] as const) {
      await using server = await serveRepositories(join(folder.path, 'repositories'), guarded(header));
      const resolved = client.resolve({ url: `${server.url}/app/.git`, credentials }, {}, signal);
      await expect(resolved).resolves.toEqual({ commit: id });
    }
  });

  it('says that credentials are refused, or needed, and never shows them', async () => {
    await using server = await serveRepositories(join(folder.path, 'repositories'), guarded('Basic no'));
    const url = `${server.url}/app/.git`;
    const client = makeClient();
    await expect(client.resolve({ url }, {}, signal)).rejects.toMatchObject({ meaning: 'denied', code: 'Denied' });
    const wrong = client.resolve({ url, credentials: { kind: 'token', token: 'hunter2' } }, {}, signal);
    await expect(wrong).rejects.toMatchObject({ meaning: 'denied' });
    await expect(wrong).rejects.not.toThrow(/hunter2/);
    expect(server.authorizations).toContain(basic('x-access-token', 'hunter2'));
  });

  it('shows credentials to nobody but the host they are for', async () => {
    await using other = await serveRepositories(join(folder.path, 'repositories'), guarded('Basic no'));
    await using server = await serveRepositories(join(folder.path, 'repositories'), (request, response) => {
      response.writeHead(302, { location: `${other.url}${request.url}` }).end();
      return true;
    });
    const credentials = { kind: 'basic', username: 'ada', password: 'hunter2' } as const;
    const resolved = makeClient().resolve({ url: `${server.url}/app/.git`, credentials }, {}, signal);
    await expect(resolved).rejects.toMatchObject({ meaning: 'denied' });
    expect(other.authorizations).toEqual([]);
  });

  it('passes no credentials as arguments', async () => {
    const wrapper = join(folder.path, 'git');
    await writeFile(wrapper, `#!/bin/sh\nprintf '%s\\n' "$@" >> ${folder.path}/arguments\nexec git "$@"\n`);
    await chmod(wrapper, 0o755);
    await using server = await serveRepositories(join(folder.path, 'repositories'), guarded(basic('ada', 'hunter2')));
    const credentials = { kind: 'basic', username: 'ada', password: 'hunter2' } as const;
    const client = makeClient({ gitBinary: wrapper });
    await client.checkout({ url: `${server.url}/app/.git`, credentials }, id, join(folder.path, 'into'), signal);
    const passed = await readFile(join(folder.path, 'arguments'), 'utf8');
    expect(passed).toContain('fetch');
    expect(passed).not.toContain('hunter2');
  });

  it('says that there is no repository, or that nobody answers', async () => {
    await using server = await serveRepositories(join(folder.path, 'repositories'));
    const client = makeClient();
    const absent = client.resolve({ url: `${server.url}/gone` }, {}, signal);
    await expect(absent).rejects.toMatchObject({ meaning: 'notFound' });
    const silent = client.resolve({ url: 'http://127.0.0.1:1/x' }, {}, signal);
    await expect(silent).rejects.toMatchObject({ meaning: 'unavailable', code: 'Unavailable' });
  });

  it('gives up on a server that never answers', async () => {
    await using server = await serveRepositories(folder.path, () => true);
    const resolved = makeClient({ timeoutMs: 300 }).resolve({ url: `${server.url}/app` }, {}, signal);
    await expect(resolved).rejects.toMatchObject({ meaning: 'unavailable' });
    await expect(resolved).rejects.toThrow(/did not answer/);
  });

  it('stops when it is told to', async () => {
    const stop = new AbortController();
    await using server = await serveRepositories(folder.path, () => {
      stop.abort(new Error('told to stop'));
      return true;
    });
    const checkout = makeClient().checkout({ url: `${server.url}/app` }, id, join(folder.path, 'into'), stop.signal);
    await expect(checkout).rejects.toThrow('told to stop');
  });
});
