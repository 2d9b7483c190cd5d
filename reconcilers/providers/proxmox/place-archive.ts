import type { ArchiveFile, ProxmoxClient, Upid } from './client.ts';
import { isProxmoxFault } from './fault.ts';

export interface ArchivePlace {
  node: string;
  storage: string;
  /** From `archiveFilename`: it names the content, so that a file of this name and size is the archive. */
  filename: string;
  file: ArchiveFile;
  /** Where the node can fetch the archive itself; without it the archive is uploaded. */
  downloadUrl?: string | undefined;
}

/** The archive is there, or a task brings it: follow it, then ask again. */
export type ArchivePlacing = { volid: string } | { upid: Upid };

/** Brings an archive to a storage, unless it is there. Safe to repeat at any moment. */
export async function placeArchive(
  client: ProxmoxClient,
  { node, storage, filename, file, downloadUrl }: ArchivePlace,
  signal: AbortSignal,
): Promise<ArchivePlacing> {
  const volid = `${storage}:vztmpl/${filename}`;
  const found = (await client.archives(node, storage, signal)).find((archive) => archive.volid === volid);
  if (found?.sizeBytes === file.sizeBytes) return { volid };
  // A file of another size is a copy cut short. An upload takes its place, a download would refuse to.
  if (downloadUrl !== undefined && !found) {
    const source = { url: downloadUrl, sha256: file.sha256 };
    try {
      return { upid: await client.downloadArchive(node, storage, filename, source, signal) };
    } catch (error) {
      // Downloads take a privilege that a token may do without.
      if (!isProxmoxFault(error, 'forbidden')) throw error;
    }
  }
  return { upid: await client.uploadArchive(node, storage, filename, file, signal) };
}

/** The file name of an archive on every storage; `digest` is "sha256:..." of its content. */
export function archiveFilename(digest: string): string {
  return `containr-${digest.replace(/^sha256:/, '')}.tar`;
}
