import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { invalidParameters, Refusal } from '../refusal.ts';
import type { DirectoryStorage } from '../storage/directory-storage.ts';
import type { TaskContext } from '../tasks/task.ts';
import { storageParameters, type CallContext } from './call.ts';

const algorithms = ['md5', 'sha1', 'sha224', 'sha256', 'sha384', 'sha512'];
const contentParameter = {
  type: 'string',
  enum: ['iso', 'vztmpl', 'import'],
} as const;
/** The parameters of a call that brings a file onto a storage. */
export const fileParameters = {
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

/** What a file's content is to hash to. */
export interface Checksum {
  algorithm: string;
  expected: string;
}

/** Undefined when none was given. */
export function checksumOf(args: CallContext['args']): Checksum | undefined {
  const algorithm = args.text('checksum-algorithm');
  const expected = args.text('checksum');
  return algorithm === undefined || expected === undefined ? undefined : { algorithm, expected };
}

/** Refuses a file with another checksum; tells the task's log. */
export async function verifyChecksum(
  path: string,
  { algorithm, expected }: Checksum,
  task: TaskContext,
): Promise<void> {
  const got = await digestFile(path, algorithm);
  if (got === expected) {
    task.log('calculating checksum...OK, checksum verified');
    return;
  }
  task.log('calculating checksum...');
  throw new Refusal(`checksum mismatch: got '${got}' != expect '${expected}'`);
}

/** The file's hash, hex. */
export async function digestFile(path: string, algorithm: string): Promise<string> {
  const hash = createHash(algorithm);
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

/** Where the file goes; its name is brought to plain characters. Refuses names and contents that the storage does not take. */
export function targetOf({ cluster, args, node }: Pick<CallContext, 'cluster' | 'args' | 'node'>): {
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
