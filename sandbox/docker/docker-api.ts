import { randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { buildImage, type StreamMessage } from './build-image.ts';
import { hostArchitecture, isSet, readBuildQuery } from './build-query.ts';
import { DockerError, noSuchImage } from './docker-error.ts';
import { FileTree } from './file-tree.ts';
import { saveImage, type SaveFormat } from './image-archive.ts';
import { imageFilter } from './image-filters.ts';
import { formatTag, parseImageName } from './image-name.ts';
import { digestOf, type ImageStore, type StoredImage } from './image-store.ts';
import { historyView, inspectView, listView } from './image-views.ts';
import { decompressor, loadImages, readStart } from './load-image.ts';
import type { Registry } from './registry.ts';
import { removeImage } from './remove-image.ts';

/** What the API serves. */
export interface DockerApiParts {
  store: ImageStore;
  registry: Registry;
  saveFormat: SaveFormat;
  now: () => Date;
}

interface Call {
  request: IncomingMessage;
  response: ServerResponse;
  query: URLSearchParams;
  /** The part of the path that names an image. */
  name: string;
}

type Handler = (parts: DockerApiParts, call: Call) => Promise<void> | void;

/** The newest version of the API that is spoken. */
export const apiVersion = '1.44';
const oldestVersion = '1.12';
const serverVersion = '25.0.0-box';

/** Routes by method and path; an image's name may have slashes. The first that fits is taken. */
const routes: ReadonlyArray<readonly [method: string, path: RegExp, handler: Handler]> = [
  ['GET', /^\/_ping$/, ping],
  ['HEAD', /^\/_ping$/, ping],
  ['GET', /^\/version$/, (_, { response }) => sendJson(response, 200, versionAnswer())],
  ['GET', /^\/info$/, info],
  ['POST', /^\/build$/, build],
  [
    'POST',
    /^\/build\/prune$/,
    (_, { response }) => sendJson(response, 200, { CachesDeleted: null, SpaceReclaimed: 0 }),
  ],
  ['GET', /^\/containers\/json$/, (_, { response }) => sendJson(response, 200, [])],
  ['GET', /^\/images\/json$/, list],
  ['POST', /^\/images\/create$/, pull],
  ['POST', /^\/images\/load$/, load],
  ['GET', /^\/images\/get$/, (parts, call) => save(parts, { ...call, name: call.query.get('names') ?? '' })],
  [
    'GET',
    /^\/images\/(.+)\/json$/,
    (parts, call) => sendJson(call.response, 200, inspectView(parts.store, inspected(parts, call))),
  ],
  [
    'GET',
    /^\/images\/(.+)\/history$/,
    (parts, call) => sendJson(call.response, 200, historyView(parts.store, tagged(parts, call))),
  ],
  ['GET', /^\/images\/(.+)\/get$/, save],
  ['POST', /^\/images\/(.+)\/tag$/, tag],
  ['DELETE', /^\/images\/(.+)$/, remove],
];

/** Answers one call of Docker's HTTP API, with or without a version in front. Never throws. */
export async function answerDockerCall(
  parts: DockerApiParts,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  response.setHeader('Api-Version', apiVersion);
  response.setHeader('Ostype', 'linux');
  response.setHeader('Server', `Docker/${serverVersion} (linux)`);
  try {
    const url = new URL(request.url ?? '/', 'http://docker');
    const path = checkVersion(url.pathname);
    for (const [method, pattern, handler] of routes) {
      const match = request.method === method ? pattern.exec(path) : null;
      if (!match) continue;
      const call = { request, response, query: url.searchParams, name: decodeURIComponent(match[1] ?? '') };
      return await handler(parts, call);
    }
    throw new DockerError(404, 'page not found');
  } catch (error) {
    sendError(response, error);
  }
}

function checkVersion(path: string): string {
  const [, major, minor, rest = path] = /^\/v(\d+)\.(\d+)(\/.*)$/.exec(path) ?? [];
  if (major === undefined) return path;
  const [asked, newest, oldest] = [`${major}.${minor}`, apiVersion, oldestVersion].map(
    (version) => Number(version.split('.')[0]) * 1000 + Number(version.split('.')[1]),
  );
  if ((asked ?? 0) > (newest ?? 0)) {
    throw new DockerError(
      400,
      `client version ${major}.${minor} is too new. Maximum supported API version is ${apiVersion}`,
    );
  }
  if ((asked ?? 0) >= (oldest ?? 0)) return rest;
  throw new DockerError(
    400,
    `client version ${major}.${minor} is too old. Minimum supported API version is ${oldestVersion}, please upgrade your client to a newer version`,
  );
}

function ping(_: DockerApiParts, { response }: Call): void {
  response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-cache' });
  response.end('OK');
}

function versionAnswer(): Record<string, unknown> {
  return {
    Platform: { Name: 'Docker API in a box' },
    Components: [{ Name: 'Engine', Version: serverVersion, Details: { ApiVersion: apiVersion, Os: 'linux' } }],
    Version: serverVersion,
    ApiVersion: apiVersion,
    MinAPIVersion: oldestVersion,
    Os: 'linux',
    Arch: hostArchitecture(),
  };
}

function info({ store }: DockerApiParts, { response }: Call): void {
  sendJson(response, 200, {
    ID: 'box',
    Name: 'box',
    Containers: 0,
    Images: store.all().length,
    Driver: 'box',
    OSType: 'linux',
    OperatingSystem: 'Docker API in a box',
    Architecture: process.arch === 'x64' ? 'x86_64' : 'aarch64',
    NCPU: cpus().length,
    MemTotal: totalmem(),
    ServerVersion: serverVersion,
  });
}

async function build({ store, registry, now }: DockerApiParts, { request, response, query }: Call): Promise<void> {
  const options = readBuildQuery(query);
  const file = await receiveTar(store, request);
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  try {
    const context = new FileTree();
    await context.addTar(file, { whiteouts: false });
    const emit = (message: StreamMessage): void => sendMessage(response, message);
    await buildImage({ ...options, context }, { store, registry, now, emit, signal: gone.signal });
    response.end();
  } finally {
    await rm(file, { force: true });
  }
}

/** An image is listed when it has a name or is the end of its line; the steps in between only if all are asked for. */
function list({ store }: DockerApiParts, { response, query }: Call): void {
  const fits = imageFilter(store, query.get('filters'));
  const isEnd = ({ id }: StoredImage): boolean => store.tagsOf(id).length > 0 || store.childrenOf(id).length === 0;
  const images = store.all().filter((image) => (isSet(query, 'all') || isEnd(image)) && fits(image));
  const newestFirst = images.toSorted((a, b) => b.config.created.localeCompare(a.config.created));
  sendJson(
    response,
    200,
    newestFirst.map((image) => listView(store, image)),
  );
}

function pull({ registry }: DockerApiParts, { response, query }: Call): void {
  const from = query.get('fromImage');
  if (from === null || from === '')
    throw new DockerError(400, 'this builder imports no file systems; build FROM scratch');
  const wanted = query.get('tag') ?? '';
  const separator = wanted.startsWith('sha256:') ? '@' : ':';
  const name = wanted === '' ? from : `${from}${separator}${wanted}`;
  const image = registry.pull(name);
  const { repository, tag } = parseImageName(name);
  sendMessage(response, { status: `Pulling from ${repository}`, id: tag ?? 'latest' });
  sendMessage(response, { status: `Digest: ${digestOf(image.raw)}` });
  sendMessage(response, { status: `Status: Image is up to date for ${repository}:${tag ?? 'latest'}` });
  response.end();
}

async function load({ store }: DockerApiParts, { request, response }: Call): Promise<void> {
  const file = await receiveTar(store, request);
  try {
    for (const { image, tags } of await loadImages(store, file)) {
      const lines = tags.length > 0 ? tags.map((name) => `Loaded image: ${name}`) : [`Loaded image ID: ${image.id}`];
      for (const line of lines) sendMessage(response, { stream: `${line}\n` });
    }
    response.end();
  } finally {
    await rm(file, { force: true });
  }
}

async function save(parts: DockerApiParts, call: Call): Promise<void> {
  const image = found(parts, call);
  if (!image.config.rootfs.diff_ids?.length) throw new DockerError(500, 'empty export - not implemented');
  const name = parts.store.tagsOf(image.id).find((each) => each === nameOf(call.name));
  call.response.writeHead(200, { 'content-type': 'application/x-tar' });
  await pipeline(saveImage(parts.store, image, name, parts.saveFormat), call.response);
}

function tag(parts: DockerApiParts, call: Call): void {
  const image = tagged(parts, call);
  const { repository } = parseImageName(call.query.get('repo') ?? '', 500);
  parts.store.tag(image.id, `${repository}:${call.query.get('tag') || 'latest'}`);
  call.response.writeHead(201).end();
}

function remove({ store }: DockerApiParts, { response, query, name }: Call): void {
  sendJson(response, 200, removeImage(store, name, isSet(query, 'force')));
}

function found({ store }: DockerApiParts, { name }: Call): StoredImage {
  const image = store.find(name);
  if (!image) throw noSuchImage(name);
  return image;
}

/** Some calls complete the name before they say that there is no such image. */
function tagged({ store }: DockerApiParts, { name }: Call): StoredImage {
  const image = store.find(name);
  if (!image) throw noSuchImage(nameOf(name) ?? name);
  return image;
}

function inspected({ store }: DockerApiParts, { name }: Call): StoredImage {
  const image = store.find(name);
  if (!image) throw new DockerError(404, `no such image: ${name}: No such image: ${nameOf(name) ?? name}`);
  return image;
}

function nameOf(text: string): string | undefined {
  try {
    return formatTag(parseImageName(text));
  } catch {
    return undefined; // An id has no tag.
  }
}

/** Saves a request's body as a tar file; clients may compress it. */
async function receiveTar(store: ImageStore, request: IncomingMessage): Promise<string> {
  const file = join(store.temporary, randomUUID());
  await pipeline(request, createWriteStream(file));
  const plain = `${file}.tar`;
  await pipeline(createReadStream(file), decompressor(await readStart(file)), createWriteStream(plain));
  await rename(plain, file);
  return file;
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(`${JSON.stringify(body)}\n`);
}

function sendMessage(response: ServerResponse, message: StreamMessage): void {
  if (!response.headersSent) response.writeHead(200, { 'content-type': 'application/json' });
  response.write(`${JSON.stringify(message)}\r\n`);
}

/** Before the first line of a stream an error is an answer of its own, afterwards the stream's last line. */
function sendError(response: ServerResponse, error: unknown): void {
  const message = error instanceof Error ? error.message : String(error);
  if (response.destroyed || response.writableEnded) return;
  if (!response.headersSent) return sendJson(response, error instanceof DockerError ? error.status : 500, { message });
  sendMessage(response, { error: message, errorDetail: { message } });
  response.end();
}
