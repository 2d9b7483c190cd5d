import { z } from 'zod';

const Words = z.array(z.string()).min(1);

/**
 * The words of a command as people write it. A JSON list of words, as in a Dockerfile's exec form, is run as it stands and needs
 * no shell in the image; any other text is given to the image's `/bin/sh -c` as one word, so nothing here splits or quotes.
 */
export function commandLine(text: string): string[] {
  return wordsIn(text) ?? ['/bin/sh', '-c', text];
}

function wordsIn(text: string): string[] | undefined {
  if (!text.trimStart().startsWith('[')) return undefined;
  try {
    return Words.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
