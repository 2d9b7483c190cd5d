import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import type { RepackImage } from '../../reconcilers/providers/oci/repack-image.ts';

/** What archives of scenarios carry. */
export const TEST_CONFIG_KEY = Buffer.alloc(32, 7);

/** Repacking without the work: the archive is the saved image itself. */
export const fakeRepack: RepackImage = async ({ save, workDir, architecture }) => {
  const bytes = await buffer(save);
  const path = join(workDir, 'archive.tar');
  await writeFile(path, bytes);
  const hex = createHash('sha256').update(bytes).digest('hex');
  return {
    path,
    digest: `sha256:${hex}`,
    sizeBytes: bytes.length,
    imageDigest: `sha256:${hex}`,
    architecture,
    supervisor: 3,
    process: { command: ['/app'], env: ['PATH=/bin'], workingDir: '', user: '', stopSignal: '' },
    exposedPorts: ['8080/tcp'],
  };
};
