import { addAbortSignal, Readable } from 'node:stream';
import type Docker from 'dockerode';
import { z } from 'zod';
import { openBuildContext } from './build-context.ts';
import { addStatus, createBuildOutput } from './build-output.ts';
import { createBuildx, type BuildxOptions } from './buildx.ts';
import type { BuildRequest, DockerClient, ImageDetails, RegistryCredentials } from './client.ts';
import { connectDocker, type DockerAccess } from './connect.ts';
import { DockerFault, isDockerFault } from './fault.ts';
import { checkReference, splitReference } from './image-reference.ts';
import { readProgress } from './progress-stream.ts';
import { createPullProgress } from './pull-progress.ts';
import { faultFromError, faultFromText } from './refusals.ts';
import { registryConfig } from './registry-logins.ts';
import { EngineError, InspectAnswer, ListAnswer, VersionAnswer } from './schema.ts';

interface DockerClientOptions extends DockerAccess {
  /** What is pulled, as "linux/amd64"; the engine's own when absent. */
  platform?: string;
  /** Of a build context. */
  maxContextBytes?: number;
  /** For questions that an engine answers at once. */
  timeoutMs?: number;
  /** How BuildKit is reached; without it no build can ask for it. */
  buildx?: BuildxOptions;
}

/** A Docker engine through its API; the classic builder builds, for it needs nothing but the engine. */
export function createDockerClient(options: DockerClientOptions): DockerClient {
  const { endpoint, platform, maxContextBytes = 2 * 1024 ** 3, timeoutMs = 30_000 } = options;
  const docker = connectDocker(options);
  const buildx = options.buildx && createBuildx(options, options.buildx);
  const closing = new AbortController();

  /** Runs one call; what it throws becomes a fault, but for the caller's own abort. */
  async function ask<T>(what: string, signal: AbortSignal, call: (signal: AbortSignal) => Promise<T>): Promise<T> {
    signal.throwIfAborted();
    const both = AbortSignal.any([signal, closing.signal]);
    try {
      return await call(both);
    } catch (error) {
      signal.throwIfAborted();
      throw faultFromError(what, error);
    }
  }

  /** The same for a question that is answered at once, or not at all. */
  async function askQuickly<T>(
    what: string,
    signal: AbortSignal,
    call: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const timeout = AbortSignal.timeout(timeoutMs);
    return ask(what, signal, (both) => call(AbortSignal.any([both, timeout])));
  }

  async function inspect(image: string, signal: AbortSignal): Promise<InspectAnswer | undefined> {
    return askQuickly(`The image ${image} cannot be looked up`, signal, async (both) => {
      try {
        return InspectAnswer.parse(await unlessAborted(docker.getImage(checkReference(image)).inspect(), both));
      } catch (error) {
        if (isAbsent(error)) return undefined;
        throw error;
      }
    });
  }

  return {
    info(signal) {
      return askQuickly(`The Docker engine at ${endpoint} does not answer`, signal, async (both) => {
        const answer = VersionAnswer.parse(await unlessAborted(docker.version(), both));
        return { version: answer.Version, architecture: answer.Arch, os: answer.Os };
      });
    },

    build(request, onLog, onProgress, signal) {
      return ask('The image cannot be built', signal, async (both) => {
        if (request.buildkit) {
          if (!buildx) throw new DockerFault('toolMissing', 'This controller is not set up to build with BuildKit.');
          return buildx.build(request, onLog, onProgress, both);
        }
        const context = await openBuildContext({ ...request, maxBytes: maxContextBytes }, both);
        const output = createBuildOutput(onLog, onProgress);
        const answer = await docker.buildImage(context, buildOptions(request, both));
        for await (const message of readProgress(readable(answer))) output.add(message);
        output.end();
        both.throwIfAborted();
        const imageId = output.imageId() ?? (await inspect(request.tag, signal))?.Id;
        if (imageId === undefined) throw new DockerFault('unreachable', 'The engine ended the build without an image.');
        onProgress(100);
        return { imageId };
      });
    },

    async pull(image, credentials, onLog, onProgress, signal) {
      const what = `The image ${image} cannot be pulled`;
      const request = { image, platform, credentials };
      const told = await ask(what, signal, (both) => pull(docker, request, onLog, onProgress, both)).catch(
        async (error: unknown) => {
          if (!isDockerFault(error, 'unreachable') || !(await inspect(image, signal))) throw error;
          onLog(`${error.message} The copy on the engine is used.`);
          return undefined;
        },
      );
      const found = await inspect(image, signal);
      if (!found) throw new DockerFault('imageNotFound', `${what}: the engine has no image of this name afterwards.`);
      const digest = told ?? digestOf(image, found);
      onProgress(100);
      return { imageId: found.Id, ...(digest !== undefined && { digest }) };
    },

    async inspect(image, signal) {
      const answer = await inspect(image, signal);
      return answer && detailsOf(answer);
    },

    save(imageId, signal) {
      return ask(`The image ${imageId} cannot be saved`, signal, async (both) => {
        const stream = await unlessAborted(docker.getImage(checkReference(imageId)).get(), both);
        return addAbortSignal(both, readable(stream));
      });
    },

    listByLabel(label, signal) {
      return askQuickly('The images cannot be listed', signal, async (both) => {
        const answer = await unlessAborted(docker.listImages({ filters: { label: [label] } }), both);
        return ListAnswer.parse(answer).map((image) => ({
          imageId: image.Id,
          tags: image.RepoTags.filter((tag) => tag !== '<none>:<none>'),
          labels: image.Labels,
          createdAt: new Date(image.Created * 1000),
          sizeBytes: image.Size,
        }));
      });
    },

    remove(imageOrTag, signal) {
      return askQuickly(`The image ${imageOrTag} cannot be removed`, signal, async (both) => {
        try {
          await unlessAborted(docker.getImage(checkReference(imageOrTag)).remove({ force: true }), both);
        } catch (error) {
          if (!isAbsent(error)) throw error;
        }
      });
    },

    buildxVersion: async (signal) => buildx?.version(signal),

    async close() {
      closing.abort(new DockerFault('unreachable', `The connection to ${endpoint} was closed.`));
    },
  };
}

interface PullRequest {
  image: string;
  platform: string | undefined;
  credentials: RegistryCredentials | undefined;
}

async function pull(
  docker: Docker,
  { image, platform, credentials }: PullRequest,
  onLog: (line: string) => void,
  onProgress: (percent: number) => void,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { name, tag } = splitReference(checkReference(image));
  const answer = await docker.createImage(credentials, {
    fromImage: name,
    tag,
    ...(platform !== undefined && { platform }),
    abortSignal: signal,
  });
  const progress = createPullProgress(onProgress);
  let digest: string | undefined;
  for await (const message of readProgress(readable(answer))) {
    addStatus(message, onLog);
    progress.add(message);
    digest = /^Digest: (sha256:[0-9a-f]{64})$/.exec(message.status ?? '')?.[1] ?? digest;
    if (message.error !== undefined) {
      throw faultFromText(`The image ${image} cannot be pulled`, message.error, 'unreachable');
    }
  }
  signal.throwIfAborted();
  return digest;
}

function buildOptions(request: BuildRequest, abortSignal: AbortSignal): Docker.ImageBuildOptions {
  return {
    t: checkReference(request.tag),
    dockerfile: request.dockerfile.replace(/^\/+/, ''),
    buildargs: { ...request.args },
    labels: { ...request.labels },
    platform: request.platform,
    nocache: request.noCache ?? false,
    ...(request.target !== undefined && { target: request.target }),
    registryconfig: registryConfig(request.registries ?? {}),
    rm: true,
    forcerm: true,
    version: '1',
    abortSignal,
  };
}

/** What the engine remembers of the registry that a copy came from. */
function digestOf(image: string, { RepoDigests }: InspectAnswer): string | undefined {
  const { name } = splitReference(image);
  return RepoDigests.map((reference) => reference.split('@'))
    .find(([known = '']) => known === name || known.endsWith(`/${name}`))
    ?.at(1);
}

function detailsOf({ Id, Size, Architecture, Os, Config }: InspectAnswer): ImageDetails {
  return {
    id: Id,
    sizeBytes: Size,
    architecture: Architecture,
    os: Os,
    config: {
      entrypoint: Config.Entrypoint,
      cmd: Config.Cmd,
      env: Config.Env,
      workingDir: Config.WorkingDir,
      user: Config.User,
      stopSignal: Config.StopSignal,
      exposedPorts: Config.ExposedPorts,
      labels: Config.Labels,
      healthcheck: Config.Healthcheck?.Test ?? undefined,
    },
  };
}

function isAbsent(error: unknown): boolean {
  return EngineError.extend({ statusCode: z.literal(404) }).safeParse(error).success;
}

/** dockerode cannot end these calls; nobody waits for them any longer. */
async function unlessAborted<T>(call: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason);
  if (signal.aborted) abort();
  signal.addEventListener('abort', abort, { once: true });
  return Promise.race([call, aborted.promise]).finally(() => signal.removeEventListener('abort', abort));
}

/** dockerode answers with Node's own response, and says less of it. */
function readable(stream: NodeJS.ReadableStream): Readable {
  return stream instanceof Readable ? stream : new Readable().wrap(stream);
}
