import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import type { ForgeType } from './forge.ts';
import { forges } from './forges.ts';

type Answer = (request: IncomingMessage, response: ServerResponse, base: string) => void;

const never = new AbortController().signal;
const running: (() => void)[] = [];

afterEach(() => {
  for (const stop of running.splice(0)) stop();
});

/** A forge on loopback that answers as its documentation says. Answers its base URL and the requests it got. */
async function serve(answer: Answer): Promise<{ base: string; requests: { path: string; token: string }[] }> {
  const requests: { path: string; token: string }[] = [];
  const server = createServer((request, response) => {
    requests.push({ path: request.url ?? '', token: request.headers.authorization ?? '' });
    answer(request, response, base);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  const base = `http://127.0.0.1:${port}`;
  running.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { base, requests };
}

function json(response: ServerResponse, body: unknown, headers: Record<string, string> = {}): void {
  response.writeHead(200, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}

function pageOf(request: IncomingMessage): number {
  return Number(new URL(request.url ?? '', 'http://forge').searchParams.get('page') ?? '1');
}

/** Two pages, the second with one repository without a description or branch. */
const twoPages: Record<ForgeType, Answer> = {
  github(request, response, base) {
    const page = pageOf(request);
    const repository = {
      id: page,
      name: `app${page}`,
      full_name: `ann/app${page}`,
      description: page === 1 ? 'An app' : null,
      private: page === 1,
      default_branch: page === 1 ? 'main' : null,
      clone_url: `https://github.example/ann/app${page}.git`,
      html_url: `https://github.example/ann/app${page}`,
    };
    const link = { link: `<${base}/user/repos?per_page=100&page=2>; rel="next"` };
    json(response, [repository], page === 1 ? link : {});
  },
  gitlab(request, response, base) {
    const page = pageOf(request);
    const project = {
      id: page,
      path: `app${page}`,
      path_with_namespace: `ann/app${page}`,
      description: page === 1 ? 'An app' : null,
      visibility: page === 1 ? 'private' : 'public',
      default_branch: page === 1 ? 'main' : null,
      http_url_to_repo: `https://gitlab.example/ann/app${page}.git`,
      web_url: `https://gitlab.example/ann/app${page}`,
    };
    const link = { link: `<${base}/api/v4/projects?membership=true&page=2&per_page=100>; rel="next"` };
    json(response, [project], page === 1 ? link : {});
  },
  bitbucket(request, response, base) {
    const page = pageOf(request);
    const repository = {
      uuid: `{${page}}`,
      name: `app${page}`,
      full_name: `ann/app${page}`,
      description: page === 1 ? 'An app' : '',
      is_private: page === 1,
      mainbranch: page === 1 ? { name: 'main' } : null,
      links: {
        clone: [
          { name: 'ssh', href: 'git@bitbucket.example:ann/app.git' },
          { name: 'https', href: `https://ann@bitbucket.example/ann/app${page}.git` },
        ],
        html: { href: `https://bitbucket.example/ann/app${page}` },
      },
    };
    json(response, { values: [repository], ...(page === 1 && { next: `${base}/2.0/repositories?page=2` }) });
  },
};

const types: ForgeType[] = ['github', 'gitlab', 'bitbucket'];

describe.each(types)('%s', (type) => {
  const list = (baseUrl: string, signal = never) => forges[type].repositories({ baseUrl, token: 't0ken' }, signal);

  it('lists the repositories of all pages, with the token as it is asked for', async () => {
    const { base, requests } = await serve(twoPages[type]);
    const found = await list(base);
    expect(found).toMatchObject([
      {
        name: 'app1',
        fullName: 'ann/app1',
        description: 'An app',
        isPrivate: true,
        defaultBranch: 'main',
        cloneUrl: `https://${type}.example/ann/app1.git`,
        webUrl: `https://${type}.example/ann/app1`,
      },
      { name: 'app2', description: '', isPrivate: false, defaultBranch: '' },
    ]);
    expect(requests).toHaveLength(2);
    const scheme = type === 'github' ? 'token' : 'Bearer';
    expect(requests.map(({ token }) => token)).toEqual([`${scheme} t0ken`, `${scheme} t0ken`]);
  });

  it.each<[number, string]>([
    [401, 'Denied'],
    [403, 'Denied'],
    [429, 'Throttled'],
    [500, 'Unavailable'],
    [503, 'Unavailable'],
  ])('takes a %i for what it means, without telling the token', async (status, code) => {
    const { base } = await serve((_, response) => response.writeHead(status).end('no'));
    const error: unknown = await list(base).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: type === 'gitlab' && status === 429 ? 'Unavailable' : code });
    expect(String(error)).not.toContain('t0ken');
  });

  it.each<[string, Answer]>([
    ['an answer that is no JSON', (_, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<p>')],
    ['an answer of another shape', (_, response) => json(response, [{ id: 'x' }])],
    ['a connection that is cut', (request) => request.socket.destroy()],
  ])('says of %s that the forge does not answer as it should', async (_, answer) => {
    const { base } = await serve(answer);
    await expect(list(base)).rejects.toMatchObject({ code: 'Unavailable' });
  });

  it('says of a forge that is down that it is', async () => {
    await expect(list('http://127.0.0.1:1')).rejects.toMatchObject({ code: 'Unavailable' });
  });

  it('gives up when its caller does', async () => {
    const { base } = await serve(() => undefined);
    const stop = new AbortController();
    const listing = list(base, stop.signal);
    stop.abort();
    await expect(listing).rejects.toMatchObject({ code: 'Unavailable' });
  });
});

describe('bitbucket', () => {
  it('does not follow a next page to another host', async () => {
    const other = await serve(twoPages.bitbucket);
    const { base } = await serve((_, response) =>
      json(response, { values: [], next: `${other.base}/2.0/repositories?page=2` }),
    );
    await expect(forges.bitbucket.repositories({ baseUrl: base, token: 't0ken' }, never)).rejects.toMatchObject({
      code: 'Unavailable',
    });
    expect(other.requests).toEqual([]);
  });
});
