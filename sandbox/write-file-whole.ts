import { renameSync, writeFileSync } from 'node:fs';

/** Writes a file so that whoever reads it sees the old or the new content, also when this process is killed in between. */
export function writeFileWhole(path: string, content: string | Uint8Array): void {
  const draft = `${path}.new`;
  writeFileSync(draft, content);
  renameSync(draft, path);
}
