import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pack } from 'tar-stream';
import type { ImageDetails } from './client.ts';

/** An image of the fake engine: one layer of files, and a config. */
export interface FakeImage {
  id: string;
  details: ImageDetails;
  tags: Set<string>;
  createdAt: Date;
  files: Readonly<Record<string, string>>;
  /** As Docker keeps it: the text whose hash is the image's id. */
  config: string;
  layer: Buffer;
}

export type FakeConfig = Partial<ImageDetails['config']>;

/** The same files and config give the same id, as with Docker. */
export async function makeFakeImage(
  files: Readonly<Record<string, string>>,
  config: FakeConfig,
  architecture: string,
  createdAt: Date,
): Promise<FakeImage> {
  const whole: ImageDetails['config'] = {
    entrypoint: [],
    cmd: [],
    env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
    workingDir: '',
    user: '',
    stopSignal: '',
    exposedPorts: [],
    labels: {},
    healthcheck: undefined,
    ...config,
  };
  const layer = await layerOf(files);
  const text = imageConfig(whole, architecture, sha256(layer));
  const id = `sha256:${sha256(Buffer.from(text))}`;
  const details = { id, sizeBytes: layer.length, architecture, os: 'linux', config: whole };
  return { id, details, tags: new Set(), createdAt, files, config: text, layer };
}

/** The image as `docker save` of Docker 20.10 gives it. */
export function saveFakeImage(image: FakeImage): Readable {
  const archive = pack();
  const config = `${image.id.slice('sha256:'.length)}.json`;
  archive.entry({ name: config }, image.config);
  archive.entry({ name: 'layer/layer.tar' }, image.layer);
  const manifest = [{ Config: config, RepoTags: [...image.tags], Layers: ['layer/layer.tar'] }];
  archive.entry({ name: 'manifest.json' }, JSON.stringify(manifest));
  archive.finalize();
  return Readable.from(archive);
}

async function layerOf(files: Readonly<Record<string, string>>): Promise<Buffer> {
  const layer = pack();
  for (const [name, text] of Object.entries(files).toSorted()) {
    layer.entry({ name: name.replace(/^\/+/, ''), mode: 0o755, mtime: new Date(0) }, text);
  }
  layer.finalize();
  return buffer(layer);
}

function imageConfig(config: ImageDetails['config'], architecture: string, diffId: string): string {
  return JSON.stringify({
    architecture,
    os: 'linux',
    config: {
      Entrypoint: config.entrypoint,
      Cmd: config.cmd,
      Env: config.env,
      WorkingDir: config.workingDir,
      User: config.user,
      ...(config.stopSignal && { StopSignal: config.stopSignal }),
      ...(config.healthcheck && { Healthcheck: { Test: config.healthcheck } }),
      ExposedPorts: Object.fromEntries(config.exposedPorts.map((port) => [port, {}])),
      Labels: config.labels,
    },
    rootfs: { type: 'layers', diff_ids: [`sha256:${diffId}`] },
  });
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
