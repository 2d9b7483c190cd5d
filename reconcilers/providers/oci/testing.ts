import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { extract, pack, type Header } from 'tar-stream';

// What the tests of this folder share: folders, and images in the forms that engines save them in.

export interface TestFolder extends AsyncDisposable {
  path: string;
}

export async function makeFolder(): Promise<TestFolder> {
  const path = await mkdtemp(join(tmpdir(), 'containr-oci-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

export type TestEntry = Partial<Header> & { name: string; text?: string };

export async function makeTar(entries: readonly TestEntry[]): Promise<Buffer> {
  const archive = pack();
  for (const { text, ...header } of entries) {
    const whole = { mtime: new Date(0), ...header };
    if (text === undefined) archive.entry(whole);
    else archive.entry(whole, text);
  }
  archive.finalize();
  return buffer(Readable.from(archive));
}

/** Names and contents of a tar, in its order. */
export async function readTar(bytes: Buffer): Promise<{ header: Header; bytes: Buffer }[]> {
  const archive = extract();
  archive.end(bytes);
  const members: { header: Header; bytes: Buffer }[] = [];
  for await (const entry of archive) members.push({ header: entry.header, bytes: await buffer(Readable.from(entry)) });
  return members;
}

export function digestOf(bytes: Buffer | string): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

export interface TestLayer {
  /** As stored. */
  blob: Buffer;
  diffId: string;
  mediaType?: string;
}

/** Puts together an OCI layout, blob by blob. */
export class TestLayout {
  readonly #blobs = new Map<string, Buffer>();

  add(mediaType: string, content: Buffer | object) {
    const bytes = Buffer.isBuffer(content) ? content : Buffer.from(JSON.stringify(content));
    const digest = digestOf(bytes);
    this.#blobs.set(digest, bytes);
    return { mediaType, digest, size: bytes.length };
  }

  addImage(
    layers: readonly TestLayer[],
    config: object = {},
    architecture = 'amd64',
    vendor: 'oci' | 'docker' = 'oci',
  ) {
    const oci = vendor === 'oci';
    const configType = oci
      ? 'application/vnd.oci.image.config.v1+json'
      : 'application/vnd.docker.container.image.v1+json';
    const layerType = oci
      ? 'application/vnd.oci.image.layer.v1.tar'
      : 'application/vnd.docker.image.rootfs.diff.tar.gzip';
    const rootfs = { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) };
    const image = {
      schemaVersion: 2,
      config: this.add(configType, { architecture, os: 'linux', config, rootfs }),
      layers: layers.map(({ blob, mediaType = layerType }) => this.add(mediaType, blob)),
    };
    const type = oci
      ? 'application/vnd.oci.image.manifest.v1+json'
      : 'application/vnd.docker.distribution.manifest.v2+json';
    return this.add(type, image);
  }

  forget(digest: string): void {
    this.#blobs.delete(digest);
  }

  replace(digest: string, bytes: Buffer): void {
    this.#blobs.set(digest, bytes);
  }

  async save(manifests: readonly object[], more: readonly TestEntry[] = []): Promise<Readable> {
    const archive = pack();
    archive.entry({ name: 'oci-layout' }, '{"imageLayoutVersion":"1.0.0"}');
    for (const { text, ...header } of more) archive.entry(header, text ?? '');
    for (const [digest, bytes] of this.#blobs) archive.entry({ name: `blobs/${digest.replace(':', '/')}` }, bytes);
    archive.entry({ name: 'index.json' }, JSON.stringify({ schemaVersion: 2, manifests }));
    archive.finalize();
    return Readable.from(archive);
  }
}

export async function readArchive(path: string): Promise<Map<string, Buffer>> {
  const members = await readTar(await readFile(path));
  return new Map(members.map(({ header, bytes }) => [header.name, bytes]));
}
