import { createWriteStream, existsSync, statSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { request as requestHttp, type IncomingMessage } from 'node:http';
import { request as requestHttps } from 'node:https';
import { basename } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { Refusal } from '../refusal.ts';
import { NoSpace, type DirectoryStorage } from '../storage/directory-storage.ts';
import type { TaskContext } from '../tasks/task.ts';
import type { Call, CallContext } from './call.ts';
import { checksumOf, digestFile, fileParameters, targetOf, verifyChecksum, type Checksum } from './file-target.ts';

/** POST download-url: the node fetches a file itself. */
export const downloadCall: Call = {
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
};

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
    const got = await digestFile(path, checksum.algorithm);
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
    if (checksum) await verifyChecksum(draft, checksum, task);
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
