import { statSync } from 'node:fs';
import { copyFile, rename, rm } from 'node:fs/promises';
import { basename } from 'node:path';
import { invalidParameters, Refusal } from '../refusal.ts';
import { NoSpace, type DirectoryStorage } from '../storage/directory-storage.ts';
import type { TaskContext } from '../tasks/task.ts';
import type { Call, CallContext } from './call.ts';
import { checksumOf, fileParameters, targetOf, verifyChecksum, type Checksum } from './file-target.ts';

/** POST upload: a file that came with the request goes onto a storage. */
export const uploadCall: Call = {
  method: 'POST',
  path: '/nodes/{node}/storage/{storage}/upload',
  protected: true,
  permission: { path: '/storage/{storage}', privileges: ['Datastore.AllocateTemplate'] },
  parameters: {
    ...fileParameters,
    tmpfilename: { type: 'string', pattern: /^\/var\/tmp\/pveupload-[0-9a-f]+$/, optional: true },
  },
  handle: upload,
};

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
    if (checksum) await verifyChecksum(path, checksum, task);
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
