/** Text as PostgreSQL can hold it: what it cannot shows as the replacement character. */
export function plainText(text: string): string {
  return text.replaceAll('\u0000', '\uFFFD').toWellFormed();
}
