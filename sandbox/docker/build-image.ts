import { BuildStage, readFiles, type BuildEnvironment } from './build-stage.ts';
import { DockerError } from './docker-error.ts';
import { parseDockerfile, type Dockerfile, type Instruction, type Stage } from './dockerfile.ts';
import { readContent, splitPath, type FileTree } from './file-tree.ts';
import { dropIgnoredOwnFiles } from './ignored-own-files.ts';
import { formatTag, parseImageName } from './image-name.ts';
import { shortId, type ImageStore, type StoredImage } from './image-store.ts';
import type { Registry } from './registry.ts';
import { expandWord } from './shell-words.ts';

/** What a client asks to have built. */
export interface BuildRequest {
  context: FileTree;
  /** Path in the context. */
  dockerfile: string;
  tags: readonly string[];
  args: Readonly<Record<string, string>>;
  labels: Readonly<Record<string, string>>;
  noCache: boolean;
  pull: boolean;
  target: string | undefined;
  architecture: string;
}

/** A line of the answer to a build or a pull. */
export type StreamMessage =
  | { stream: string }
  | { status: string; id?: string }
  | { aux: { ID: string } }
  | { error: string; errorDetail: { message: string } };

/** What a build works with. */
export interface BuildTools {
  store: ImageStore;
  registry: Registry;
  now: () => Date;
  emit: (message: StreamMessage) => void;
  signal: AbortSignal;
}

const proxyArguments = ['HTTP_PROXY', 'HTTPS_PROXY', 'FTP_PROXY', 'NO_PROXY', 'ALL_PROXY'];

/**
 * Builds an image from a Dockerfile that runs no commands. Emits what Docker's classic builder would. Throws DockerError;
 * before the first message that is an answer of its own, afterwards the last message.
 */
export async function buildImage(request: BuildRequest, tools: BuildTools): Promise<void> {
  const { store, emit } = tools;
  const names = request.tags.map((tag) => formatTag(parseImageName(tag, 500)));
  const dockerfile = withLabels(await readDockerfile(request), request.labels);
  const build = new Build(request, tools, dockerfile);
  const image = await build.run();
  if (build.unusedArguments.length > 0) {
    emit({ stream: `[Warning] One or more build-args [${build.unusedArguments.join(' ')}] were not consumed\n` });
  }
  emit({ stream: `Successfully built ${shortId(image.id)}\n` });
  for (const name of names) {
    store.tag(image.id, name);
    emit({ stream: `Successfully tagged ${name}\n` });
  }
}

async function readDockerfile({ context, dockerfile: path, target }: BuildRequest): Promise<Dockerfile> {
  const entry = context.get(context.resolve(path, { followLast: true }));
  if (entry?.type !== 'file') throw new DockerError(500, `Cannot locate specified Dockerfile: ${path}`);
  const dockerfile = parseDockerfile((await readContent(entry.content)).toString('utf8'), path);
  await dropIgnoredOwnFiles(context, splitPath(path).join('/'));
  if (target === undefined) return dockerfile;
  const index = dockerfile.stages.findIndex(({ name }) => name === target.toLowerCase());
  if (index === -1) throw new DockerError(400, `failed to reach build target ${target} in Dockerfile`);
  return { ...dockerfile, stages: dockerfile.stages.slice(0, index + 1) };
}

/** Labels of the request become last instructions, by name. */
function withLabels(dockerfile: Dockerfile, labels: Readonly<Record<string, string>>): Dockerfile {
  const last = dockerfile.stages.at(-1);
  if (!last) return dockerfile;
  const more = Object.entries(labels)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]): Instruction => {
      const rest = `${quote(key)}=${quote(value)}`;
      return { name: 'LABEL', flags: {}, rest, list: undefined, text: `LABEL ${key}=${value}`, line: 0 };
    });
  const stages = [...dockerfile.stages.slice(0, -1), { ...last, instructions: [...last.instructions, ...more] }];
  return { ...dockerfile, stages };
}

/** Single quotes keep everything but themselves. */
function quote(text: string): string {
  return `'${text.replaceAll("'", `'"'"'`)}'`;
}

class Build {
  readonly #request: BuildRequest;
  readonly #tools: BuildTools;
  readonly #dockerfile: Dockerfile;
  readonly #globals = new Map<string, string>();
  readonly #used = new Set<string>(proxyArguments.flatMap((name) => [name, name.toLowerCase()]));
  readonly #finished: Array<{ stage: Stage; image: StoredImage | undefined }> = [];
  #step = 0;

  constructor(request: BuildRequest, tools: BuildTools, dockerfile: Dockerfile) {
    this.#request = request;
    this.#tools = tools;
    this.#dockerfile = dockerfile;
  }

  get unusedArguments(): string[] {
    return Object.keys(this.#request.args).filter((name) => !this.#used.has(name));
  }

  async run(): Promise<StoredImage> {
    const { globals, stages } = this.#dockerfile;
    for (const instruction of globals) {
      this.#announce(instruction);
      for (const word of instruction.rest.split(/\s+/)) this.#declareGlobal(word);
    }
    for (const stage of stages) {
      const image = await this.#runStage(stage);
      if (image) this.#tools.emit({ aux: { ID: image.id } });
      this.#finished.push({ stage, image });
    }
    const last = this.#finished.at(-1)?.image;
    if (last) return last;
    throw new DockerError(400, 'No image was generated. Is your Dockerfile empty?');
  }

  async #runStage(stage: Stage): Promise<StoredImage | undefined> {
    const { emit, signal } = this.#tools;
    this.#announce(stage.from);
    const base = this.#base(stage);
    emit({ stream: ` ---> ${base ? shortId(base.id) : ''}\n` });
    if (base?.config.config.OnBuild?.length) {
      throw new DockerError(400, `this builder cannot run the ONBUILD triggers of ${stage.from.rest}; install Docker`);
    }
    const building = new BuildStage(this.#environment(), base);
    for (const instruction of stage.instructions) {
      signal.throwIfAborted();
      this.#announce(instruction);
      const { image, cached } = await building.run(instruction);
      if (cached) emit({ stream: ' ---> Using cache\n' });
      emit({ stream: ` ---> ${shortId(image.id)}\n` });
    }
    return building.image;
  }

  #base({ from }: Stage): StoredImage | undefined {
    const [word = ''] = from.rest.split(/\s+/);
    const name = expandWord(word, (variable) => this.#globals.get(variable), this.#dockerfile.escape);
    if (name === '') throw new DockerError(400, `base name (${word}) should not be blank`);
    if (name === 'scratch') return undefined;
    const earlier = this.#finished.findLast(({ stage }) => stage.name === name.toLowerCase());
    return earlier ? earlier.image : this.#imageNamed(name);
  }

  #imageNamed(name: string): StoredImage {
    const { store, registry } = this.#tools;
    const local = this.#request.pull ? undefined : store.find(name);
    return local ?? registry.pull(name);
  }

  #environment(): BuildEnvironment {
    const { store, now } = this.#tools;
    const { context, noCache, architecture } = this.#request;
    const { escape } = this.#dockerfile;
    return {
      store,
      context,
      escape,
      noCache,
      architecture,
      now,
      argument: (name, fallback) => {
        this.#used.add(name);
        return this.#request.args[name] ?? fallback ?? this.#globals.get(name);
      },
      filesOf: (from) => this.#filesOf(from),
    };
  }

  async #filesOf(from: string): Promise<FileTree> {
    const { store } = this.#tools;
    const refuse = (why: string): DockerError => new DockerError(400, `invalid from flag value ${from}: ${why}`);
    const index = Number(from);
    if (index === this.#finished.length) throw refuse('refers to current build stage');
    const earlier = this.#finished.findLast(({ stage }, at) => stage.name === from.toLowerCase() || at === index);
    if (earlier) return readFiles(store, earlier.image);
    try {
      return await readFiles(store, this.#imageNamed(from));
    } catch (error) {
      throw error instanceof DockerError ? refuse(error.message) : error;
    }
  }

  #declareGlobal(word: string): void {
    const [name = '', ...value] = word.split('=');
    this.#used.add(name);
    const fallback =
      value.length > 0
        ? expandWord(value.join('='), (variable) => this.#globals.get(variable), this.#dockerfile.escape)
        : undefined;
    const given = this.#request.args[name] ?? fallback;
    if (given !== undefined) this.#globals.set(name, given);
  }

  #announce({ text }: Instruction): void {
    const { globals, stages } = this.#dockerfile;
    const total = stages.reduce((sum, { instructions }) => sum + instructions.length + 1, globals.length);
    this.#step += 1;
    this.#tools.emit({ stream: `Step ${this.#step}/${total} : ${text}` });
    this.#tools.emit({ stream: '\n' });
  }
}
