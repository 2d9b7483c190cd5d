/**
 * Splits an entrypoint into words as liblxc does: a word that starts with a quote runs to the next such quote, there
 * are no escapes, and quotes inside a word are literal.
 */
export function splitWords(text: string): string[] {
  const words: string[] = [];
  let rest = unquoteWhole(text).trimStart();
  while (rest !== '') {
    const quote = rest[0] === "'" || rest[0] === '"' ? rest[0] : undefined;
    const end = quote === undefined ? rest.search(/\s/) : rest.indexOf(quote, 1);
    if (end === -1) {
      words.push(quote === undefined ? rest : rest.slice(1));
      break;
    }
    words.push(rest.slice(quote === undefined ? 0 : 1, end));
    rest = rest.slice(end + (quote === undefined ? 0 : 1)).trimStart();
  }
  return words;
}

/** A value that starts and ends with the same quote loses both. */
function unquoteWhole(text: string): string {
  const trimmed = text.trim();
  const first = trimmed[0];
  const quoted = (first === "'" || first === '"') && trimmed.length > 1 && trimmed.endsWith(first);
  return quoted ? trimmed.slice(1, -1) : trimmed;
}

/** Joins words as Proxmox does when it maps an image's entrypoint: with a shell's quoting. */
export function joinWords(words: readonly string[]): string {
  return words
    .map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`))
    .join(' ');
}
