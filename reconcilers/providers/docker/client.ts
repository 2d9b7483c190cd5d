import type { Readable } from 'node:stream';

export interface EngineInfo {
  version: string;
  /** As images say it: "amd64", "arm64". */
  architecture: string;
  os: string;
}

export interface BuildRequest {
  /** Folder on this machine; its `.dockerignore` is honoured and links are sent as links. */
  contextDir: string;
  /** Path inside the folder. */
  dockerfile: string;
  tag: string;
  args: Readonly<Record<string, string>>;
  labels: Readonly<Record<string, string>>;
  /** "linux/amd64" */
  platform: string;
  noCache?: boolean;
  target?: string;
  /** For the images that it begins with, by the host of their registry. */
  registries?: RegistryLogins;
  /** Built by BuildKit instead of the classic builder, which needs the docker program with its buildx on this host. */
  buildkit?: BuildKitOptions;
}

export interface BuildKitOptions {
  /** Image of the frontend that reads the file at `dockerfile`, which is then an absolute path outside of the folder. */
  frontend?: string;
  /** Mounted while building, by their ids; never part of the image. */
  secrets: Readonly<Record<string, string>>;
}

/** Credentials by the host of a registry, as "ghcr.io". */
export type RegistryLogins = Readonly<Record<string, RegistryCredentials>>;

export interface RegistryCredentials {
  username: string;
  password: string;
}

/** What the engine knows of an image. */
export interface ImageDetails {
  id: string;
  sizeBytes: number;
  architecture: string;
  os: string;
  config: {
    entrypoint: string[];
    cmd: string[];
    /** NAME=value entries. */
    env: string[];
    workingDir: string;
    user: string;
    /** Empty when the image names none. */
    stopSignal: string;
    /** As "80/tcp". */
    exposedPorts: string[];
    labels: Record<string, string>;
    /** The test as Docker writes it, `["CMD", "curl", ...]`. */
    healthcheck: string[] | undefined;
  };
}

export interface ListedImage {
  imageId: string;
  tags: string[];
  labels: Record<string, string>;
  createdAt: Date;
  sizeBytes: number;
}

/** The calls of a DockerClient that change something on the engine. */
export const CHANGES_AN_ENGINE = ['build', 'pull', 'remove'] as const;

/** A Docker engine as loops see it. Throws DockerFault, whose message says what to do. */
export interface DockerClient {
  info(signal: AbortSignal): Promise<EngineInfo>;
  /** Aborting stops the build on the engine too. Lines come without control characters. */
  build(
    request: BuildRequest,
    onLog: (line: string) => void,
    onProgress: (percent: number) => void,
    signal: AbortSignal,
  ): Promise<{ imageId: string }>;
  /**
   * For the client's platform. An image that is here already is taken when its registry cannot be reached. `digest` is the
   * one that the registry knows the image by.
   */
  pull(
    image: string,
    credentials: RegistryCredentials | undefined,
    onLog: (line: string) => void,
    onProgress: (percent: number) => void,
    signal: AbortSignal,
  ): Promise<{ imageId: string; digest?: string }>;
  inspect(image: string, signal: AbortSignal): Promise<ImageDetails | undefined>;
  /** What `docker save` gives: a tar in Docker's or the OCI layout. */
  save(imageId: string, signal: AbortSignal): Promise<Readable>;
  /** `label` is a name, or name=value. */
  listByLabel(label: string, signal: AbortSignal): Promise<ListedImage[]>;
  /** Success also when it is not there. */
  remove(imageOrTag: string, signal: AbortSignal): Promise<void>;
  /** The version of BuildKit's client on this host; undefined when there is none. */
  buildxVersion(signal: AbortSignal): Promise<string | undefined>;
  close(): Promise<void>;
}
