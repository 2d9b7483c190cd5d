import { posix } from 'node:path';
import { readOwner } from './copy-owner.ts';
import { digestCopy, planCopy, refuseWhatOnlyAddDoes, type CopyRequest } from './copy-plan.ts';
import { DockerError } from './docker-error.ts';
import type { Instruction } from './dockerfile.ts';
import { FileTree, splitPath } from './file-tree.ts';
import { defaultPath, type ImageConfig, type RunConfig } from './image-config.ts';
import { digestOf, type ImageStore, type StoredImage } from './image-store.ts';
import { writeLayer, type LayerEntry } from './layer-writer.ts';
import { describeImage } from './run-config.ts';
import { expandWord, type Variables } from './shell-words.ts';

/** What a stage needs from the build around it. */
export interface BuildEnvironment {
  store: ImageStore;
  context: FileTree;
  escape: string;
  noCache: boolean;
  architecture: string;
  now: () => Date;
  /** The value of an ARG; undefined where neither the caller nor the Dockerfile gives one. */
  argument(name: string, fallback: string | undefined): string | undefined;
  /** The files of another stage or image; throws DockerError. */
  filesOf(from: string): Promise<FileTree>;
}

/** How an instruction ended. */
export interface StepResult {
  image: StoredImage;
  cached: boolean;
}

/** One stage of a Dockerfile while it is built: the image so far, and what its instructions said. */
export class BuildStage {
  readonly #environment: BuildEnvironment;
  readonly #arguments = new Map<string, string>();
  #image: StoredImage | undefined;
  #config: RunConfig;
  #tree: FileTree | undefined;
  #cmdSet = false;

  constructor(environment: BuildEnvironment, base: StoredImage | undefined) {
    this.#environment = environment;
    this.#image = base;
    const config = base?.config.config ?? {};
    const env = config.Env ?? [];
    this.#config = env.some((entry) => entry.startsWith('PATH=')) ? config : { ...config, Env: [defaultPath, ...env] };
  }

  get image(): StoredImage | undefined {
    return this.#image;
  }

  /** Runs one instruction. Throws DockerError in Docker's words. */
  async run(instruction: Instruction): Promise<StepResult> {
    switch (instruction.name) {
      case 'COPY':
      case 'ADD':
        return this.#copy(instruction, instruction.name);
      case 'WORKDIR':
        return this.#changeFolder(instruction);
      case 'RUN':
        throw new DockerError(
          400,
          `this builder cannot run commands: RUN ${instruction.rest}; install Docker (apt-get install docker.io) and build with it`,
        );
      case 'ARG':
        this.#declare(instruction);
        break;
      case 'CMD':
        this.#cmdSet = true;
        break;
      default:
    }
    const { escape } = this.#environment;
    const context = { variables: this.#variables, escape, cmdSet: this.#cmdSet };
    const { config, createdBy } = describeImage(this.#config, instruction, context);
    this.#config = config;
    return this.#commit(`/bin/sh -c #(nop)  ${createdBy}`, []);
  }

  /** The environment of the image goes before arguments of the same name. */
  #variables: Variables = (name) => {
    const entry = (this.#config.Env ?? []).find((text) => text.startsWith(`${name}=`));
    return entry?.slice(name.length + 1) ?? this.#arguments.get(name);
  };

  #expand(text: string): string {
    return expandWord(text, this.#variables, this.#environment.escape);
  }

  #declare({ rest }: Instruction): void {
    for (const word of rest.split(/\s+/)) {
      const [name = '', ...value] = word.split('=');
      const fallback = value.length > 0 ? this.#expand(value.join('=')) : undefined;
      const given = this.#environment.argument(name, fallback);
      if (given !== undefined) this.#arguments.set(name, given);
    }
  }

  async #copy(instruction: Instruction, name: 'COPY' | 'ADD'): Promise<StepResult> {
    const { flags, list, rest } = instruction;
    if (flags['chmod'] !== undefined) throw new DockerError(400, 'the --chmod option requires BuildKit');
    const words = (list ?? rest.split(/\s+/)).map((word) => this.#expand(word));
    const destination = words.at(-1) ?? '';
    const target = await this.#files();
    const { from } = flags;
    const request: CopyRequest = {
      instruction: name,
      source: from === undefined ? this.#environment.context : await this.#environment.filesOf(from),
      fromStage: from !== undefined,
      sources: words.slice(0, -1),
      destination: this.#absolute(destination),
      target,
      owner: await readOwner(target, this.#expand(flags['chown'] ?? '0:0')),
    };
    if (name === 'ADD') await refuseWhatOnlyAddDoes(request);
    const entries = planCopy(request);
    const flag = flags['chown'] === undefined ? '' : `--chown=${flags['chown']} `;
    return this.#commit(
      `/bin/sh -c #(nop) ${name} ${flag}multi:${await digestCopy(entries)} in ${destination} `,
      entries,
    );
  }

  async #changeFolder({ rest }: Instruction): Promise<StepResult> {
    const path = this.#absolute(this.#expand(rest)).replace(/(.)\/+$/, '$1');
    this.#config = { ...this.#config, WorkingDir: path };
    const tree = await this.#files();
    const missing = splitPath(path).flatMap((_, index, parts): LayerEntry[] => {
      const folder = tree.resolve(parts.slice(0, index + 1).join('/'), { followLast: true });
      return tree.get(folder) ? [] : [{ type: 'folder', mode: 0o755, uid: 0, gid: 0, path: folder }];
    });
    return this.#commit(`/bin/sh -c #(nop) WORKDIR ${path}`, missing);
  }

  /** Keeps a trailing slash, which says something. */
  #absolute(path: string): string {
    const full = posix.join('/', posix.isAbsolute(path) ? '' : (this.#config.WorkingDir ?? ''), path);
    return path === '.' || path.endsWith('/.') ? `${full}/` : full;
  }

  async #commit(createdBy: string, entries: readonly LayerEntry[]): Promise<StepResult> {
    const { store, noCache, architecture, now } = this.#environment;
    const parent = this.#image?.id;
    const cacheKey = digestOf(JSON.stringify([parent ?? '', architecture, createdBy]));
    const known = noCache ? undefined : store.findCached(cacheKey);
    if (known) {
      this.#tree = undefined;
      this.#image = known;
      return { image: known, cached: true };
    }
    const layer = entries.length > 0 ? await writeLayer(store, entries) : undefined;
    if (layer !== undefined) await this.#tree?.addTar(store.layerFile(layer), { whiteouts: true });
    const before = this.#image?.config;
    const created = now().toISOString();
    const config: ImageConfig = {
      architecture: before?.architecture ?? architecture,
      os: 'linux',
      created,
      config: this.#config,
      rootfs: {
        type: 'layers',
        diff_ids: [...(before?.rootfs.diff_ids ?? []), ...(layer === undefined ? [] : [layer])],
      },
      history: [
        ...(before?.history ?? []),
        { created, created_by: createdBy, ...(layer === undefined && { empty_layer: true }) },
      ],
    };
    const image = store.addImage(JSON.stringify(config), { parent, cacheKey });
    this.#image = image;
    return { image, cached: false };
  }

  async #files(): Promise<FileTree> {
    this.#tree ??= await readFiles(this.#environment.store, this.#image);
    return this.#tree;
  }
}

/** The files of an image, lowest layer first. */
export async function readFiles(store: ImageStore, image: StoredImage | undefined): Promise<FileTree> {
  const tree = new FileTree();
  for (const diffId of image?.config.rootfs.diff_ids ?? []) {
    await tree.addTar(store.layerFile(diffId), { whiteouts: true });
  }
  return tree;
}
