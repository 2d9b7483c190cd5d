import { readFile } from 'node:fs/promises';
import { join, posix } from 'node:path';
import type { Clock } from '../../../controller/clock.ts';
import type { BuildRequest, DockerClient, RegistryCredentials } from './client.ts';
import { carryOut, readInstructions, type FakeBuildState } from './fake-dockerfile.ts';
import { makeFakeImage, saveFakeImage, type FakeConfig, type FakeImage } from './fake-image.ts';
import { needsBuildKit } from './buildkit-features.ts';
import { DockerFault, type DockerMeaning } from './fault.ts';
import { registryOf } from './image-reference.ts';

type FakeMethod = 'info' | 'build' | 'pull' | 'inspect' | 'save' | 'listByLabel' | 'remove';

export interface FakeDocker extends DockerClient {
  /** Puts an image into the registry: pull and FROM find it there. */
  publish(image: string, config?: FakeConfig, files?: Readonly<Record<string, string>>): Promise<void>;
  /** A registry gives its images only to these credentials from now on. */
  protect(host: string, credentials: RegistryCredentials): void;
  /** Installs BuildKit's client, or takes it away; at first there is none. */
  installBuildx(version: string | undefined): void;
  /** What was to be built, in order. */
  readonly builds: readonly BuildRequest[];
  /** The tags of all images on the engine. */
  tags(): string[];
  /** The method fails so, until it is told otherwise. */
  fail(method: FakeMethod, meaning: DockerMeaning | undefined): void;
  /** Builds and pulls wait, builds after their first step, until the answer is called, or they are aborted. */
  holdBuilds(): () => void;
}

interface FakeDockerOptions {
  clock: Clock;
  architecture?: 'amd64' | 'arm64';
}

/** A Docker engine in memory that understands simple Dockerfiles and saves archives that can be repacked. */
export function createFakeDocker({ clock, architecture = 'amd64' }: FakeDockerOptions): FakeDocker {
  const images = new Map<string, FakeImage>();
  const registry = new Map<string, FakeImage>();
  const failing = new Map<FakeMethod, DockerMeaning>();
  const guarded = new Map<string, RegistryCredentials>();
  const builds: BuildRequest[] = [];
  let buildx: string | undefined;
  let held: PromiseWithResolvers<void> | undefined;

  function begin(method: FakeMethod, signal: AbortSignal): void {
    signal.throwIfAborted();
    const meaning = failing.get(method);
    if (meaning !== undefined) throw new DockerFault(meaning, `The fake engine was told that ${method} fails.`);
  }

  function find(name: string): FakeImage | undefined {
    return images.get(name) ?? [...images.values()].find((image) => image.tags.has(withTag(name)));
  }

  function keep(image: FakeImage, tag: string): FakeImage {
    const kept = images.get(image.id) ?? { ...image, tags: new Set() };
    for (const other of images.values()) other.tags.delete(tag);
    images.set(image.id, kept);
    kept.tags.add(tag);
    return kept;
  }

  function demandLogin(image: string, shown: RegistryCredentials | undefined): void {
    const wanted = guarded.get(registryOf(image));
    if (!wanted || (shown?.username === wanted.username && shown.password === wanted.password)) return;
    throw new DockerFault('denied', `The registry refuses the credentials for ${image}. Correct the credentials.`);
  }

  function baseOf(instruction: string, { registries = {} }: BuildRequest): FakeBuildState {
    const name = instruction.split(/\s+/)[1] ?? '';
    if (name === 'scratch') return { files: {}, config: {} };
    if (!find(name)) demandLogin(name, registries[registryOf(name)]);
    const base = find(name) ?? registry.get(withTag(name));
    if (!base) throw new DockerFault('imageNotFound', `The base image ${name} does not exist. Correct FROM.`);
    return { files: { ...base.files }, config: structuredClone(base.details.config) };
  }

  return {
    async info(signal) {
      begin('info', signal);
      return { version: '28.0.0-fake', architecture, os: 'linux' };
    },

    async build(request, onLog, onProgress, signal) {
      begin('build', signal);
      builds.push(structuredClone(request));
      if (request.buildkit && buildx === undefined)
        throw new DockerFault('toolMissing', 'The build needs BuildKit. Install the docker program with buildx.');
      const steps = await readSteps(request);
      let state: FakeBuildState = { files: {}, config: {} };
      for (const [index, instruction] of steps.entries()) {
        const step = `Step ${index + 1}/${steps.length} : ${instruction}`;
        onLog(step);
        onProgress(Math.floor((index / steps.length) * 100));
        if (/^FROM\s/i.test(instruction)) state = baseOf(instruction, request);
        else {
          const result = await carryOut(instruction, request.contextDir, state);
          if (!result.ok) {
            onLog(result.why);
            throw new DockerFault('buildFailed', `${step} failed: ${result.why}`, { step, lines: [result.why] });
          }
        }
        await waitWhileHeld(held, signal);
      }
      const labels = { ...state.config.labels, ...request.labels };
      const image = await makeFakeImage(state.files, { ...state.config, labels }, architecture, clock.now());
      onProgress(100);
      return { imageId: keep(image, withTag(request.tag)).id };
    },

    async pull(image, credentials, onLog, onProgress, signal) {
      begin('pull', signal);
      await waitWhileHeld(held, signal);
      demandLogin(image, credentials);
      const found = registry.get(withTag(image)) ?? find(image);
      if (!found) throw new DockerFault('imageNotFound', `The image ${image} does not exist. Correct its name.`);
      onLog(`Pulled ${image}`);
      onProgress(100);
      const { id } = keep(found, withTag(image));
      return { imageId: id, digest: id };
    },

    async inspect(image, signal) {
      begin('inspect', signal);
      const found = find(image);
      return found && structuredClone(found.details);
    },

    async save(imageId, signal) {
      begin('save', signal);
      const image = find(imageId);
      if (!image) throw new DockerFault('imageNotFound', `The engine has no image ${imageId}. Build it again.`);
      return saveFakeImage(image);
    },

    async listByLabel(label, signal) {
      begin('listByLabel', signal);
      const [name = '', value] = label.split('=', 2);
      return [...images.values()]
        .filter(
          ({ details: { config } }) => name in config.labels && (value ?? config.labels[name]) === config.labels[name],
        )
        .map(({ id, tags, details, createdAt }) => ({
          imageId: id,
          tags: [...tags],
          labels: { ...details.config.labels },
          createdAt,
          sizeBytes: details.sizeBytes,
        }));
    },

    async remove(imageOrTag, signal) {
      begin('remove', signal);
      const image = find(imageOrTag);
      if (!image) return;
      image.tags.delete(withTag(imageOrTag));
      if (image.id === imageOrTag || image.tags.size === 0) images.delete(image.id);
    },

    buildxVersion: async () => buildx,
    builds,

    installBuildx(version) {
      buildx = version;
    },

    protect(host, credentials) {
      guarded.set(host, credentials);
    },

    async close() {},

    async publish(image, config = {}, files = {}) {
      const made = await makeFakeImage(files, config, architecture, clock.now());
      registry.set(withTag(image), made);
    },

    tags: () => [...images.values()].flatMap((image) => [...image.tags]),

    fail(method, meaning) {
      if (meaning === undefined) failing.delete(method);
      else failing.set(method, meaning);
    },

    holdBuilds() {
      const hold = Promise.withResolvers<void>();
      held = hold;
      return () => {
        held = undefined;
        hold.resolve();
      };
    },
  };
}

function withTag(name: string): string {
  return /[:@]/.test(name.slice(name.lastIndexOf('/') + 1)) ? name : `${name}:latest`;
}

async function readSteps({ contextDir, dockerfile, buildkit }: BuildRequest): Promise<string[]> {
  const isOutside = buildkit?.frontend !== undefined;
  const path = isOutside ? dockerfile : join(contextDir, posix.resolve('/', dockerfile));
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new DockerFault('dockerfileNotFound', `There is no Dockerfile at ${dockerfile}. Correct the path.`, {
      cause,
    });
  });
  if (!buildkit && needsBuildKit(text))
    throw new DockerFault('buildFailed', 'the --mount option requires BuildKit. Refer to its documentation.');
  const steps = readInstructions(text);
  if (!/^FROM\s/i.test(steps[0] ?? '')) throw new DockerFault('invalid', `${dockerfile} does not begin with FROM.`);
  return steps;
}

async function waitWhileHeld(held: PromiseWithResolvers<void> | undefined, signal: AbortSignal): Promise<void> {
  if (!held) return;
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  await Promise.race([held.promise, aborted.promise]).finally(() => signal.removeEventListener('abort', abort));
}
