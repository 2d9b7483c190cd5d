/** One `key`, `value` pair of CONTAINR_CONFIG. */
export type ConfigPair = readonly [key: string, value: string];

/** What a test puts into CONTAINR_CONFIG; deliberately not the controller's encoder, so that one cannot hide the other. */
export function configValue(pairs: readonly ConfigPair[]): string {
  return Buffer.from(pairs.map(([key, value]) => `${key}\0${value}\0`).join('')).toString('base64');
}

/** The pairs of a command. */
export function command(...words: string[]): ConfigPair[] {
  return words.map((word) => ['arg', word] as const);
}

/** The pairs of a shell script run by the machine's own /bin/sh. */
export function shell(script: string): ConfigPair[] {
  return command('/bin/sh', '-c', script);
}
