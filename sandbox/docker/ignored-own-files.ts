import { readContent, type FileTree } from './file-tree.ts';

/**
 * Clients leave out what `.dockerignore` names before they send a context, but they must send the Dockerfile and the
 * ignore file itself. Those two are dropped by the daemon when they are ignored, and so they are here.
 */
export async function dropIgnoredOwnFiles(context: FileTree, dockerfile: string): Promise<void> {
  const entry = context.get('.dockerignore');
  if (entry?.type !== 'file') return;
  const rules = (await readContent(entry.content))
    .toString('utf8')
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
  for (const path of ['.dockerignore', dockerfile]) {
    if (isIgnored(path, rules)) context.delete(path);
  }
}

/** The last rule that fits counts; one with `!` brings back. */
function isIgnored(path: string, rules: readonly string[]): boolean {
  const last = rules.findLast((rule) => patternOf(rule.replace(/^!/, '')).test(path));
  return last !== undefined && !last.startsWith('!');
}

function patternOf(rule: string): RegExp {
  const clean = rule.replace(/^\/+|\/+$/g, '').replace(/^\.\//, '');
  const source = clean
    .replaceAll(/[.+^${}()|\\]/g, '\\$&')
    .replaceAll('**/', '\0')
    .replaceAll('**', '\u0001')
    .replaceAll('*', '[^/]*')
    .replaceAll('?', '[^/]')
    .replaceAll('\0', '(?:.*/)?')
    .replaceAll('\u0001', '.*');
  return new RegExp(`^${source}(?:/.*)?$`, 's');
}
