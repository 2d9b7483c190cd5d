import { DockerError } from './docker-error.ts';

/** Values of variables by name; undefined for one that is not set. */
export type Variables = (name: string) => string | undefined;

/** Replaces variables and removes quotes as a Dockerfile does: nothing is replaced between single quotes. */
export function expandWord(text: string, variables: Variables, escape = '\\'): string {
  return scan(text, variables, escape, false).join('');
}

/** The same, cut into words at white space outside of quotes. */
export function expandWords(text: string, variables: Variables, escape = '\\'): string[] {
  return scan(text, variables, escape, true);
}

/** Cuts at white space outside of quotes and leaves everything else as it is. */
export function splitWords(text: string, escape = '\\'): string[] {
  const words: string[] = [];
  let word = '';
  let quote = '';
  for (let i = 0; i < text.length; i++) {
    const char = text.charAt(i);
    if (char === escape && quote !== "'") {
      word += char + text.charAt(++i);
    } else if (quote === '' && /\s/.test(char)) {
      if (word !== '') words.push(word);
      word = '';
    } else {
      if (quote === char) quote = '';
      else if (quote === '' && (char === '"' || char === "'")) quote = char;
      word += char;
    }
  }
  return word === '' ? words : [...words, word];
}

function scan(text: string, variables: Variables, escape: string, cut: boolean): string[] {
  const words: string[] = [];
  let word = '';
  let begun = false;
  let quote = '';
  for (let i = 0; i < text.length; i++) {
    const char = text.charAt(i);
    if (quote === "'" ? char === "'" : quote === char && quote !== '') {
      quote = '';
    } else if (quote === "'") {
      word += char;
    } else if (char === escape) {
      const next = text.charAt(++i);
      // Between double quotes only what is special there can be escaped.
      word += quote === '"' && !['"', '$', escape].includes(next) ? escape + next : next;
    } else if (char === '$') {
      const [value, length] = readVariable(text.slice(i + 1), variables, escape);
      word += value;
      i += length;
    } else if (quote === '' && (char === '"' || char === "'")) {
      quote = char;
      begun = true;
    } else if (cut && quote === '' && /\s/.test(char)) {
      if (begun || word !== '') words.push(word);
      word = '';
      begun = false;
    } else {
      word += char;
    }
  }
  if (quote !== '')
    throw new DockerError(
      400,
      `unexpected end of statement while looking for matching ${quote === '"' ? 'double-quote' : 'single-quote'}`,
    );
  return begun || word !== '' ? [...words, word] : words;
}

/** Reads what stands behind a dollar sign: its value, and how many characters it took. */
function readVariable(rest: string, variables: Variables, escape: string): [value: string, length: number] {
  const plain = /^(?:[A-Za-z_]\w*|\d|[@*#])/.exec(rest);
  if (plain) return [variables(plain[0]) ?? '', plain[0].length];
  if (!rest.startsWith('{')) return ['$', 0];
  const name = /^\{([A-Za-z_]\w*)/.exec(rest)?.[1];
  const end = closingBrace(rest);
  if (name === undefined || end === -1)
    throw new DockerError(400, `syntax error: missing '}' or bad variable in $${rest}`);
  const after = rest.slice(name.length + 1, end);
  if (after === '') return [variables(name) ?? '', end + 1];
  const value = variables(name);
  const other = (): string => expandWord(after.slice(after.startsWith(':') ? 2 : 1), variables, escape);
  const isSet = value !== undefined && !(after.startsWith(':') && value === '');
  switch (after.replace(':', '').charAt(0)) {
    case '-':
      return [isSet ? value : other(), end + 1];
    case '+':
      return [isSet ? other() : '', end + 1];
    case '?':
      if (!isSet) throw new DockerError(400, `${name}: ${other() || 'is not allowed to be unset'}`);
      return [value, end + 1];
    default:
      throw new DockerError(400, `unsupported modifier (${after}) in substitution`);
  }
}

function closingBrace(text: string): number {
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    if (text.charAt(i) === '{') depth += 1;
    else if (text.charAt(i) === '}' && --depth === 0) return i;
  }
  return -1;
}
