import { EngineError } from '../engine/engine.ts';

/** What a name stands for. */
export type TreeNode = FolderNode | LeafNode | LinkNode;

/** A folder with what is in it. */
export interface FolderNode {
  type: 'folder';
  /** The layer that named it last. */
  layer: number;
  children: Map<string, TreeNode>;
}

/** A file; what is in it does not matter here. */
export interface LeafNode {
  type: 'file';
  layer: number;
}

/** A symbolic link. */
export interface LinkNode {
  type: 'link';
  layer: number;
  target: string;
}

/** A place in the tree whose parents are all real folders. */
export interface Place {
  /** Path below the root, with no symbolic link among its parents. */
  path: string;
  name: string;
  parent: FolderNode;
  node: TreeNode | undefined;
}

const maxLinks = 40;

/**
 * What was unpacked so far, kept in memory. The root file system starts empty and nobody else writes to it, so this
 * tree knows every symbolic link in it, and a path can be resolved as the guest would see it without asking the disk.
 */
export class RootfsTree {
  readonly root: FolderNode = { type: 'folder', layer: 0, children: new Map() };

  /**
   * Finds where an entry goes; undefined for the root itself. Links among the parents are followed inside the root, the
   * last part never is. Parents that no layer names are made by `makeFolder`. Throws EngineError for a path that leads
   * out of the root or through a file.
   */
  locate(path: string, layer: number, makeFolder: (path: string) => void): Place | undefined {
    const parts = splitPath(path);
    if (parts.includes('..')) throw new EngineError(`the archive has an entry that leads out of the root: ${path}`);
    const name = parts.pop();
    if (name === undefined) return undefined;
    const { folder, trail } = this.#enter(parts, path, layer, makeFolder);
    return { path: [...trail, name].join('/'), name, parent: folder, node: folder.children.get(name) };
  }

  #enter(
    parts: readonly string[],
    path: string,
    layer: number,
    makeFolder: (path: string) => void,
  ): { folder: FolderNode; trail: string[] } {
    const folders = [this.root];
    const trail: string[] = [];
    let pending = [...parts];
    for (let links = 0; ;) {
      const name = pending.shift();
      const here = folders.at(-1) ?? this.root;
      if (name === undefined) return { folder: here, trail };
      if (name === '..') {
        if (folders.length > 1) folders.pop();
        trail.pop();
        continue;
      }
      const node = here.children.get(name);
      if (node?.type === 'file') throw new EngineError(`the archive puts something below the file ${name}: ${path}`);
      if (node?.type === 'link') {
        if (++links > maxLinks) throw new EngineError(`the archive has symbolic links in a circle: ${path}`);
        if (node.target.startsWith('/')) {
          folders.length = 1;
          trail.length = 0;
        }
        pending = [...splitPath(node.target), ...pending];
        continue;
      }
      const folder = node ?? { type: 'folder', layer, children: new Map<string, TreeNode>() };
      trail.push(name);
      if (!node) {
        here.children.set(name, folder);
        makeFolder(trail.join('/'));
      }
      folders.push(folder);
    }
  }
}

/** The parts of a path, without empty ones and dots; an absolute path is taken from the root. */
export function splitPath(path: string): string[] {
  return path.split('/').filter((part) => part !== '' && part !== '.');
}
