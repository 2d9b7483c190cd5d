import { GitFault } from './fault.ts';

/** Far more than any source has; a tree can name the same file a billion times in a few bytes. */
const maxFiles = 250_000;

export interface TreeSize {
  /** Takes output of `git ls-tree -r -l -z`. Throws tooLarge as soon as that is sure. */
  add(chunk: Buffer): void;
  bytes(): number;
}

/** Adds up what a tree will take on the disk before anything is written. */
export function createTreeSize(maxBytes: number): TreeSize {
  let bytes = 0;
  let files = 0;
  let rest = '';
  return {
    add(chunk) {
      const entries = (rest + chunk.toString('latin1')).split('\0');
      rest = entries.pop() ?? '';
      for (const entry of entries) {
        files += 1;
        bytes += sizeOf(entry);
        if (files > maxFiles)
          throw new GitFault('tooLarge', `The commit has more than ${maxFiles} files. Make it smaller.`);
        if (bytes > maxBytes) throw tooLarge(maxBytes);
      }
    },
    bytes: () => bytes,
  };
}

export function tooLarge(maxBytes: number): GitFault {
  const mebibytes = Math.ceil(maxBytes / 1024 ** 2);
  return new GitFault(
    'tooLarge',
    `The repository is larger than the ${mebibytes} MiB allowed. Remove large files from it, or raise the limit.`,
  );
}

/** "100644 blob ID    1234\tpath"; a submodule has "-" for its size. */
function sizeOf(entry: string): number {
  const size = /^\d+ \w+ [0-9a-f]+ +(\d+)\t/.exec(entry)?.[1];
  return size === undefined ? 0 : Number(size);
}
