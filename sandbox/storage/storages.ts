import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { Refusal } from '../refusal.ts';
import { parseVolumeId } from '../schema/storage-id.ts';
import { writeFileWhole } from '../write-file-whole.ts';
import { DirectoryStorage } from './directory-storage.ts';
import { localStorage, StorageDefinition } from './storage-definition.ts';

/** A volume, found on its storage. */
export interface FoundVolume {
  storage: DirectoryStorage;
  name: string;
}

/** The cluster's storages and what each node has of them. */
export class Storages {
  readonly #dataDir: string;
  readonly #nodes: readonly string[];
  readonly #definitions = new Map<string, StorageDefinition>();
  readonly #instances = new Map<string, DirectoryStorage>();

  constructor(dataDir: string, nodes: readonly string[]) {
    this.#dataDir = dataDir;
    this.#nodes = nodes;
    const kept = readKept(this.#file());
    for (const definition of kept ?? [localStorage]) this.#definitions.set(definition.name, definition);
    if (!kept) this.#save();
  }

  /** Adds a storage or changes one of that name. */
  put(definition: StorageDefinition): void {
    this.#definitions.set(definition.name, definition);
    for (const key of this.#instances.keys()) {
      if (key.endsWith(`/${definition.name}`)) this.#instances.delete(key);
    }
    this.#save();
  }

  definitions(): StorageDefinition[] {
    return [...this.#definitions.values()];
  }

  /** Refused for a storage that does not exist. */
  definition(name: string): StorageDefinition {
    const definition = this.#definitions.get(name);
    if (!definition) throw new Refusal(`storage '${name}' does not exist`);
    return definition;
  }

  /** The storage on a node; refused where it does not exist, is disabled or is not for this node. */
  enabled(name: string, node: string): DirectoryStorage {
    const definition = this.definition(name);
    if (definition.disabled) throw new Refusal(`storage '${name}' is disabled`);
    if (definition.nodes && !definition.nodes.includes(node)) {
      throw new Refusal(`storage '${name}' is not available on node '${node}'`);
    }
    return this.#instance(definition, node);
  }

  /** Those a node has, disabled ones left out. */
  onNode(node: string): DirectoryStorage[] {
    return this.definitions()
      .filter(({ disabled, nodes }) => !disabled && (!nodes || nodes.includes(node)))
      .map((definition) => this.#instance(definition, node));
  }

  /** Finds the storage of a volume such as `local:100/vm-100-disk-0.raw`; the volume itself need not exist. */
  find(volid: string, node: string): FoundVolume {
    const id = parseVolumeId(volid);
    if (!id) throw new Refusal(`unable to parse volume ID '${volid}'`);
    return { storage: this.enabled(id.storage, node), name: id.name };
  }

  #instance(definition: StorageDefinition, node: string): DirectoryStorage {
    const owner = definition.shared ? this.#nodes.join(',') : node;
    const key = `${owner}/${definition.name}`;
    const known = this.#instances.get(key);
    if (known) return known;
    const folder = definition.shared
      ? join(this.#dataDir, 'storage', definition.name)
      : join(this.#dataDir, 'nodes', node, 'storage', definition.name);
    const instance = new DirectoryStorage(definition, folder);
    this.#instances.set(key, instance);
    return instance;
  }

  #file(): string {
    return join(this.#dataDir, 'storages.json');
  }

  #save(): void {
    writeFileWhole(this.#file(), JSON.stringify(this.definitions(), undefined, 2));
  }
}

function readKept(path: string): StorageDefinition[] | undefined {
  let text;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
  return z.array(StorageDefinition).parse(JSON.parse(text));
}
