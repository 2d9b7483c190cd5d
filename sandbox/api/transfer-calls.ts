import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, existsSync, statSync } from 'node:fs';
import { copyFile, rename, rm } from 'node:fs/promises';
import { request as requestHttp, type IncomingMessage } from 'node:http';
import { request as requestHttps } from 'node:https';
import { basename } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { invalidParameters, Refusal } from '../refusal.ts';
import { NoSpace, type DirectoryStorage } from '../storage/directory-storage.ts';
import type { TaskContext } from '../tasks/task.ts';
import { storageParameters, type Call, type CallContext } from './call.ts';

const algorithms = ['md5', 'sha1', 'sha224', 'sha256', 'sha384', 'sha512'];
const contentParameter = {
  type: 'string',
  enum: ['iso', 'vztmpl', 'import'],
} as const;
const fileParameters = {
  ...storageParameters,
  content: contentParameter,
  filename: { type: 'string', maxLength: 255 },
  checksum: { type: 'string', optional: true, requires: 'checksum-algorithm' },
  'checksum-algorithm': { type: 'string', enum: algorithms, optional: true, requires: 'checksum' },
} as const;

const suffixes: Readonly<Record<string, RegExp>> = {
  vztmpl: /\.tar(\.(gz|xz|zst|bz2))?$/,
  iso: /\.(iso|img)$/i,
  import: /\.(ova|qcow2|raw|vmdk)$/i,
};

/** Bringing files onto a storage. */
export const transferCalls: readonly Call[] = [
  {
    method: 'POST',
    path: '/nodes/{node}/storage/{storage}/upload',
    protected: true,
    permission: { path: '/storage/{storage}', privileges: ['Datastore.AllocateTemplate'] },
    parameters: {
      ...fileParameters,
      tmpfilename: { type: 'string', pattern: /^\/var\/tmp\/pveupload-[0-9a-f]+$/, optional: true },
    },
    handle: upload,
  },
  {
    method: 'POST',
    path: '/nodes/{node}/storage/{storage}/download-url',
    protected: true,
    proxied: true,
    permission: {
      and: [
        { path: '/storage/{storage}', privileges: ['Datastore.AllocateTemplate'] },
        {
          or: [
            { path: '/', privileges: ['Sys.Audit', 'Sys.Modify'] },
            { path: '/nodes/{node}', privileges: ['Sys.AccessNetwork'] },
          ],
        },
      ],
    },
    parameters: {
      ...fileParameters,
      compression: { type: 'string', optional: true },
      url: { type: 'string', pattern: /^https?:\/\/.*$/ },
      'verify-certificates': { type: 'boolean', optional: true },
    },
    handle: download,
  },
];

async function upload(context: CallContext): Promise<string> {
  const { cluster, args, identity, node, uploaded } = context;
  if (uploaded === undefined) throw invalidParameters({ tmpfilename: 'upload failed' });
  try {
    if (!cluster.nodes.has(node)) throw new Refusal(`no such cluster node '${node}'`);
    const { storage, name } = targetOf(context);
    const shownSource = `/var/tmp/${basename(uploaded)}`;
    return cluster.tasks.start({
      node,
      type: 'imgcopy',
      id: '',
      user: identity.id,
      work: (task) =>
        importFile({ storage, name, node, path: uploaded, shownSource, checksum: checksumOf(args) }, task),
    });
  } catch (error) {
    await rm(uploaded, { force: true });
    throw error;
  }
}

interface Import {
  storage: DirectoryStorage;
  name: string;
  node: string;
  /** The file received; taken away in any case. */
  path: string;
  shownSource: string;
  checksum: Checksum | undefined;
}

async function importFile(
  { storage, name, node, path, shownSource, checksum }: Import,
  task: TaskContext,
): Promise<void> {
  try {
    task.log(`starting file import from: ${shownSource}`);
    await task.takeTime();
    if (checksum) await verify(path, checksum, task);
    const shown = storage.shownPathOf(name);
    const { size } = statSync(path);
    const command = `cp -- ${shownSource} ${shown}`;
    for (const line of [
      `target node: ${node}`,
      `target file: ${shown}`,
      `file size is: ${size}`,
      `command: ${command}`,
    ]) {
      task.log(line);
    }
    try {
      storage.reserve(size);
    } catch (error) {
      if (!(error instanceof NoSpace)) throw error;
      task.log(`cp: error writing '${shown}': No space left on device`);
      throw new Refusal(`import failed: command '${command}' failed: exit code 1`);
    }
    await place(path, storage.pathOf(name));
    task.log('finished file import successfully');
  } finally {
    await rm(path, { force: true });
  }
}

/** Moves where that can be done, for a copy of a large file takes long; a reader of the old file keeps it. */
async function place(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch {
    await copyFile(from, `${to}.new`);
    await rename(`${to}.new`, to);
  }
}

function download(context: CallContext): string {
  const { cluster, args, identity, node } = context;
  const { storage, name } = targetOf(context);
  return cluster.tasks.start({
    node,
    type: 'download',
    id: encodeURIComponent(basename(name)),
    user: identity.id,
    work: (task) =>
      fetchFile(
        {
          storage,
          name,
          url: args.required('url'),
          verifies: args.text('verify-certificates') !== '0',
          checksum: checksumOf(args),
        },
        task,
      ),
  });
}

interface Download {
  storage: DirectoryStorage;
  name: string;
  url: string;
  verifies: boolean;
  checksum: Checksum | undefined;
}

/** A file that is there with the right checksum is as good as downloaded; any other file in its place is an error. */
async function fetchFile({ storage, name, url, verifies, checksum }: Download, task: TaskContext): Promise<void> {
  const path = storage.pathOf(name);
  const shown = storage.shownPathOf(name);
  task.log(`downloading ${url} to ${shown}`);
  await task.takeTime();
  if (existsSync(path)) {
    if (!checksum) throw new Refusal(`refusing to override existing file '${shown}'`);
    const got = await digest(path, checksum.algorithm);
    if (got !== checksum.expected) {
      throw new Refusal(`mismatching ${checksum.algorithm} sum of existing file '${shown}': got '${got}'`);
    }
    task.log(`OK, got correct file already, no need to download`);
    return;
  }
  const draft = `${path}.tmp_dwnl.${process.pid}`;
  try {
    const { statusCode = 0, answer } = await open(url, verifies, task.signal);
    if (statusCode !== 200) {
      answer.resume();
      throw new Refusal(`download failed: command 'wget ... ${url}' failed: exit code 8`);
    }
    await pipeline(answer, createWriteStream(draft), { signal: task.signal });
    refuseOverflow(storage, statSync(draft).size, url, shown, task);
    if (checksum) await verify(draft, checksum, task);
    await rename(draft, path);
    task.log(`download of '${url}' to '${shown}' finished`);
  } finally {
    await rm(draft, { force: true });
  }
}

function refuseOverflow(storage: DirectoryStorage, size: number, url: string, shown: string, task: TaskContext): void {
  try {
    storage.reserve(size);
  } catch (error) {
    if (!(error instanceof NoSpace)) throw error;
    task.log(`Cannot write to '${shown}' (No space left on device).`);
    throw new Refusal(`download failed: command 'wget ... ${url}' failed: exit code 3`);
  }
}

async function open(
  url: string,
  verifies: boolean,
  signal: AbortSignal,
): Promise<{ statusCode: number | undefined; answer: IncomingMessage }> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const options = { signal, rejectUnauthorized: verifies };
  const request = url.startsWith('https:') ? requestHttps(url, options, resolve) : requestHttp(url, options, resolve);
  request.on('error', (cause) => {
    reject(new Refusal(`download failed: command 'wget ... ${url}' failed: exit code 4 (${cause.message})`));
  });
  request.end();
  const answer = await promise;
  return { statusCode: answer.statusCode, answer };
}

interface Checksum {
  algorithm: string;
  expected: string;
}

function checksumOf(args: CallContext['args']): Checksum | undefined {
  const algorithm = args.text('checksum-algorithm');
  const expected = args.text('checksum');
  return algorithm === undefined || expected === undefined ? undefined : { algorithm, expected };
}

async function verify(path: string, { algorithm, expected }: Checksum, task: TaskContext): Promise<void> {
  const got = await digest(path, algorithm);
  if (got === expected) {
    task.log('calculating checksum...OK, checksum verified');
    return;
  }
  task.log('calculating checksum...');
  throw new Refusal(`checksum mismatch: got '${got}' != expect '${expected}'`);
}

async function digest(path: string, algorithm: string): Promise<string> {
  const hash = createHash(algorithm);
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

function targetOf({ cluster, args, node }: Pick<CallContext, 'cluster' | 'args' | 'node'>): {
  storage: DirectoryStorage;
  name: string;
} {
  const content = args.required('content');
  const storage = cluster.storages.enabled(args.required('storage'), node);
  const file = args
    .required('filename')
    .replace(/^.*[/\\]/, '')
    .replaceAll(/[^A-Za-z0-9_.-]/g, '_');
  if (!suffixes[content]?.test(file)) throw invalidParameters({ filename: 'wrong file extension' });
  const { name, content: allowed } = storage.definition;
  if (!allowed.some((kind) => kind === content))
    throw new Refusal(`storage '${name}' does not support '${content}' content`);
  return { storage, name: `${content}/${file}` };
}
