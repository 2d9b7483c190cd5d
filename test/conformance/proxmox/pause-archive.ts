import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import { pack } from 'tar-stream';
import type { ArchiveFile } from '../../../reconcilers/providers/proxmox/client.ts';

/** What the archive's image says of its process. */
export const PAUSE_IMAGE = { entrypoint: '/bin/pause', env: ['PATH=/bin', 'FROM=the image'] };

/** Writes the smallest OCI archive of a guest that runs: one static program that sleeps and knows no signals. */
export async function writePauseArchive(path: string, architecture: 'amd64' | 'arm64'): Promise<ArchiveFile> {
  const layer = await tar([
    ...['bin/', 'dev/', 'etc/', 'proc/', 'sys/', 'tmp/'].map((name): Entry => ({ name })),
    { name: 'bin/pause', mode: 0o755, data: pauseProgram(architecture) },
  ]);
  const config = json({
    architecture,
    os: 'linux',
    config: { Entrypoint: [PAUSE_IMAGE.entrypoint], Env: PAUSE_IMAGE.env },
    rootfs: { type: 'layers', diff_ids: [digestOf(layer)] },
  });
  const manifest = json({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: describe('application/vnd.oci.image.config.v1+json', config),
    layers: [describe('application/vnd.oci.image.layer.v1.tar', layer)],
  });
  const index = { schemaVersion: 2, manifests: [describe('application/vnd.oci.image.manifest.v1+json', manifest)] };
  const archive = await tar([
    { name: 'oci-layout', data: json({ imageLayoutVersion: '1.0.0' }) },
    { name: 'index.json', data: json(index) },
    { name: 'blobs/' },
    { name: 'blobs/sha256/' },
    ...[layer, config, manifest].map((data) => ({ name: `blobs/sha256/${hexOf(data)}`, data })),
  ]);
  await writeFile(path, archive);
  return { path, sizeBytes: archive.length, sha256: hexOf(archive) };
}

interface Entry {
  /** Of a folder when it ends in a slash. */
  name: string;
  mode?: number;
  data?: Buffer;
}

async function tar(entries: readonly Entry[]): Promise<Buffer> {
  const stream = pack();
  for (const { name, mode, data } of entries) {
    if (data) stream.entry({ name, mode: mode ?? 0o644, mtime: new Date(0) }, data);
    else stream.entry({ name, type: 'directory', mode: 0o755, mtime: new Date(0) });
  }
  stream.finalize();
  return buffer(stream);
}

/** A whole ELF file: header, one segment, and a loop around the system call that waits for ever. */
function pauseProgram(architecture: 'amd64' | 'arm64'): Buffer {
  const code =
    architecture === 'amd64'
      ? Buffer.from('b8220000000f05ebf7', 'hex') // pause()
      : Buffer.from('000080d2010080d2020080d2030080d2280980d2010000d4faffff17', 'hex'); // ppoll(0, 0, 0, 0)
  const base = 0x40_0000;
  const headerBytes = 64 + 56;
  const file = Buffer.alloc(headerBytes + code.length);
  file.write('\x7fELF\x02\x01\x01', 0, 'latin1');
  file.writeUInt16LE(2, 16); // an executable
  file.writeUInt16LE(architecture === 'amd64' ? 62 : 183, 18);
  file.writeUInt32LE(1, 20);
  file.writeBigUInt64LE(BigInt(base + headerBytes), 24); // entry point
  file.writeBigUInt64LE(64n, 32); // where the segment is described
  file.writeUInt16LE(64, 52);
  file.writeUInt16LE(56, 54);
  file.writeUInt16LE(1, 56);
  file.writeUInt32LE(1, 64); // to be loaded
  file.writeUInt32LE(5, 68); // readable and executable
  file.writeBigUInt64LE(BigInt(base), 80);
  file.writeBigUInt64LE(BigInt(base), 88);
  file.writeBigUInt64LE(BigInt(file.length), 96);
  file.writeBigUInt64LE(BigInt(file.length), 104);
  file.writeBigUInt64LE(0x1000n, 112);
  code.copy(file, headerBytes);
  return file;
}

function describe(mediaType: string, data: Buffer): Record<string, unknown> {
  return { mediaType, digest: digestOf(data), size: data.length };
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

function hexOf(data: Buffer): string {
  return createHash('sha256').update(data).digest('hex');
}

function digestOf(data: Buffer): string {
  return `sha256:${hexOf(data)}`;
}
