import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { answerDockerCall } from './docker-api.ts';
import { DockerError } from './docker-error.ts';
import type { SaveFormat } from './image-archive.ts';
import { formatTag, parseImageName } from './image-name.ts';
import { ImageStore } from './image-store.ts';
import { loadImages } from './load-image.ts';
import { Registry } from './registry.ts';

/** How a box is made; nothing is needed. */
export interface DockerBoxOptions {
  /** Where images are kept. Default: a temporary folder that is removed at the end. */
  dataDir?: string;
  /** Default: 127.0.0.1 and a free port, unless a socket is given. */
  host?: string;
  port?: number;
  socketPath?: string;
  /** What images are saved as. Default: `oci`. */
  saveFormat?: SaveFormat;
  now?: () => Date;
}

/** A part of Docker's API without Docker: it builds from Dockerfiles that only copy files. */
export interface DockerBox {
  /** `tcp://HOST:PORT` or `unix:///PATH` */
  endpoint: string;
  images: DockerBoxImages;
  close(): Promise<void>;
}

/** Images that are put into the box without going through its API. */
export interface DockerBoxImages {
  /**
   * Loads an archive such as `docker save` writes and gives its images their names. They can be pulled too, as if a
   * registry had them, which for all other images cannot be reached. Returns their ids.
   */
  load(archive: string): Promise<string[]>;
  /** Lets an image of the box be pulled under a name. Throws DockerError when there is no such image. */
  publish(image: string, name: string): void;
}

/** Starts the box; resolves once it answers. Throws when the address is taken or the folder cannot be written. */
export async function startDockerBox(options: DockerBoxOptions = {}): Promise<DockerBox> {
  const { saveFormat = 'oci', now = () => new Date() } = options;
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'docker-box-')));
  const store = new ImageStore(dataDir);
  const registry = new Registry(store);
  const server = createServer((request, response) => {
    void answerDockerCall({ store, registry, saveFormat, now }, request, response);
  });
  const endpoint = await listen(server, options);
  return {
    endpoint,
    images: {
      async load(archive) {
        const loaded = await loadImages(store, archive);
        for (const { image, tags } of loaded) for (const tag of tags) registry.publish(tag, image.id);
        return loaded.map(({ image }) => image.id);
      },
      publish(name, as) {
        const image = store.find(name);
        if (!image) throw new DockerError(404, `No such image: ${name}`);
        registry.publish(formatTag(parseImageName(as)), image.id);
      },
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      if (options.socketPath !== undefined) await rm(options.socketPath, { force: true });
      if (options.dataDir === undefined) await rm(dataDir, { recursive: true, force: true });
    },
  };
}

async function listen(server: Server, { host = '127.0.0.1', port = 0, socketPath }: DockerBoxOptions): Promise<string> {
  if (socketPath !== undefined) {
    await mkdir(dirname(socketPath), { recursive: true });
    await rm(socketPath, { force: true });
  }
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(socketPath === undefined ? { host, port } : { path: socketPath }, resolve);
  });
  if (socketPath !== undefined) {
    await chmod(socketPath, 0o600);
    return `unix://${socketPath}`;
  }
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the Docker box listens at no port');
  return `tcp://${host}:${address.port}`;
}
