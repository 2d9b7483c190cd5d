import { DockerFault } from './fault.ts';
import { compileIgnorePattern, type IgnorePattern } from './ignore-pattern.ts';

/** What a `.dockerignore` says of a path inside the context, written without a leading slash. */
export interface IgnoreFile {
  ignores(path: string): boolean;
  /** Something below an ignored folder may be wanted all the same. */
  hasExceptions: boolean;
}

interface Rule {
  keeps: boolean;
  pattern: IgnorePattern;
}

const maxRules = 2_000;

/**
 * Reads a `.dockerignore` by Docker's documented rules: one pattern a line, the last that matches the path or a folder
 * above it counts, "!" makes an exception, "#" a comment. Throws invalid for what is no pattern.
 */
export function readIgnoreFile(text: string): IgnoreFile {
  const rules = text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .filter((line) => !line.startsWith('#'))
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .map(readRule)
    .filter((rule) => rule !== undefined);
  if (rules.length > maxRules) {
    throw new DockerFault('invalid', `The .dockerignore has more than ${maxRules} patterns. Join some with "**".`);
  }
  return {
    ignores: (path) => rules.findLast(({ pattern }) => pattern.matches(path))?.keeps === false,
    hasExceptions: rules.some(({ keeps }) => keeps),
  };
}

function readRule(line: string): Rule | undefined {
  const keeps = line.startsWith('!');
  const cleaned = cleanPath(keeps ? line.slice(1).trim() : line);
  if (cleaned === '') return undefined; // "/" and "." name the context itself, which is always sent
  const pattern = compileIgnorePattern(cleaned);
  if (!pattern) throw new DockerFault('invalid', `"${line}" in .dockerignore is no pattern. Correct it.`);
  return { keeps, pattern };
}

/** Without slashes at either end, and without "." and "..". */
function cleanPath(path: string): string {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return parts.join('/');
}
