/** One pattern of a `.dockerignore`. */
export interface IgnorePattern {
  /** Whether the path, or a folder above it, is meant. */
  matches(path: string): boolean;
}

type Token =
  | { is: 'one'; test: (character: string) => boolean }
  /** "*": any characters but slashes. */
  | { is: 'star' }
  /** "**": nothing, or whole folders with their slash. The token behind it stands for being in the middle of a name. */
  | { is: 'folders' }
  | { is: 'inFolders' }
  /** "**" at the end: everything. */
  | { is: 'rest' };

/**
 * Compiles "*", "?", "[a-z]", "[^a]", "\x" and "**"; undefined when a bracket or a backslash is left open. Matching takes
 * time in proportion to path and pattern, whatever the pattern is: it comes from strangers.
 */
export function compileIgnorePattern(pattern: string): IgnorePattern | undefined {
  const tokens = tokenize(pattern);
  if (!tokens) return undefined;
  return { matches: (path) => run(tokens, path) };
}

function tokenize(pattern: string): Token[] | undefined {
  const tokens: Token[] = [];
  for (let at = 0; at < pattern.length;) {
    const character = pattern.charAt(at);
    if (character === '*' && pattern[at + 1] === '*') {
      at += pattern[at + 2] === '/' ? 3 : 2;
      if (at >= pattern.length) tokens.push({ is: 'rest' });
      else tokens.push({ is: 'folders' }, { is: 'inFolders' });
    } else if (character === '*') {
      tokens.push({ is: 'star' });
      at += 1;
    } else if (character === '?') {
      tokens.push({ is: 'one', test: (tested) => tested !== '/' });
      at += 1;
    } else if (character === '[') {
      const bracket = readBracket(pattern, at);
      if (!bracket) return undefined;
      tokens.push({ is: 'one', test: bracket.test });
      at = bracket.end;
    } else {
      const literal = character === '\\' ? pattern.charAt(at + 1) : character;
      if (literal === '') return undefined;
      tokens.push({ is: 'one', test: (tested) => tested === literal });
      at += character === '\\' ? 2 : 1;
    }
  }
  return tokens;
}

function readBracket(
  pattern: string,
  start: number,
): { end: number; test: (character: string) => boolean } | undefined {
  const negated = pattern[start + 1] === '^';
  const ranges: [low: string, high: string][] = [];
  let at = start + (negated ? 2 : 1);
  const next = (): string => {
    if (pattern[at] === '\\') at += 1;
    at += 1;
    return pattern.charAt(at - 1);
  };
  while (pattern[at] !== ']') {
    const low = next();
    let high = low;
    if (pattern[at] === '-') {
      at += 1;
      high = next();
    }
    if (low === '' || high === '' || at >= pattern.length) return undefined;
    ranges.push([low, high]);
  }
  if (ranges.length === 0) return undefined;
  const isIn = (character: string) => ranges.some(([low, high]) => low <= character && character <= high);
  return { end: at + 1, test: (character) => character !== '/' && isIn(character) !== negated };
}

/** Follows all ways through the pattern at once; one that is through at a slash has matched a folder above the path. */
function run(tokens: readonly Token[], path: string): boolean {
  let places = withSkipped(tokens, [0]);
  for (const character of path) {
    if (character === '/' && places.has(tokens.length)) return true;
    places = withSkipped(
      tokens,
      [...places].map((place) => step(tokens[place], place, character)).filter((place) => place !== undefined),
    );
  }
  return places.has(tokens.length);
}

/** Where one character leads to from a place in the pattern. */
function step(token: Token | undefined, place: number, character: string): number | undefined {
  switch (token?.is) {
    case 'one':
      return token.test(character) ? place + 1 : undefined;
    case 'star':
      return character === '/' ? undefined : place;
    case 'rest':
      return place;
    case 'folders':
      return character === '/' ? place : place + 1;
    case 'inFolders':
      return character === '/' ? place - 1 : place;
    case undefined:
      return undefined;
    default:
      return token satisfies never;
  }
}

/** The places, and those behind tokens that may stand for nothing. */
function withSkipped(tokens: readonly Token[], places: readonly number[]): Set<number> {
  const all = new Set<number>();
  for (let place of places) {
    for (let width = 1; width > 0 && !all.has(place); place += width) {
      all.add(place);
      width = emptyWidth(tokens[place]);
    }
  }
  return all;
}

/** How many places are skipped when the token stands for nothing; 0 when it cannot. */
function emptyWidth(token: Token | undefined): number {
  if (token?.is === 'folders') return 2;
  return token?.is === 'star' || token?.is === 'rest' ? 1 : 0;
}
