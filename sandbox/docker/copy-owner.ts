import { DockerError } from './docker-error.ts';
import { readContent, type FileTree } from './file-tree.ts';

/** Reads `user[:group]` of a `--chown`; names are looked up in the image's own files, and a lone user is the group too. */
export async function readOwner(tree: FileTree, text: string): Promise<{ uid: number; gid: number }> {
  const [user = '', group = user] = text.split(':');
  return {
    uid: await readId(tree, user, 'user', 'etc/passwd'),
    gid: await readId(tree, group, 'group', 'etc/group'),
  };
}

async function readId(tree: FileTree, name: string, what: 'user' | 'group', path: string): Promise<number> {
  if (/^\d+$/.test(name)) return Number(name);
  const refuse = (why: string): DockerError => {
    const which = what === 'user' ? 'uid' : 'gid';
    const message = `unable to convert uid/gid chown string to host mapping: can't find ${which} for ${what} ${name}: ${why}`;
    return new DockerError(400, message);
  };
  const entry = tree.get(tree.resolve(path, { followLast: true }));
  if (entry?.type !== 'file') throw refuse(`open /${path}: no such file or directory`);
  const lines = (await readContent(entry.content)).toString('utf8').split('\n');
  const found = lines.map((line) => line.split(':')).find(([first]) => first === name);
  if (found?.[2] === undefined) throw refuse(`no such ${what}: ${name}`);
  return Number(found[2]);
}
