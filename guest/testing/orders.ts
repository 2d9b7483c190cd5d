import { setTimeout as sleep } from 'node:timers/promises';
import type { ConfigPair } from './config-value.ts';
import { secret } from './supervisor.ts';
import { admit, type Wire } from './wire.ts';

/** How a run stands, as the supervisor's line says. */
export type Told = Record<string, string>;

/** The pairs of a command that may be run by name; `about` is `user`, `output` or `input`. */
export function runnable(name: string, words: readonly string[], about: Record<string, string> = {}): ConfigPair[] {
  return [
    ['command', name],
    ...words.map((word): ConfigPair => ['command-arg', word]),
    ...Object.entries(about).map(([key, value]): ConfigPair => [`command-${key}`, value]),
  ];
}

/** Gives one order over a connection of its own; the answer's line. */
export async function order(port: number, words: string): Promise<string> {
  const { wire } = await admit(port, secret);
  wire.send(`${words}\n`);
  const line = await wire.line();
  wire.close();
  return line ?? 'nothing';
}

/** Gives an order whose connection goes on; the first line of the answer. */
export async function begin(port: number, words: string): Promise<{ wire: Wire; line: string }> {
  const { wire } = await admit(port, secret);
  wire.send(`${words}\n`);
  return { wire, line: (await wire.line()) ?? 'nothing' };
}

/** Asks for a run again and again until it has ended. */
export async function runToEnd(port: number, id: string, name: string): Promise<Told> {
  for (;;) {
    const told = toldOf(await order(port, `RUN ${id} ${name}`));
    if (told['state'] !== 'running') return told;
    await sleep(10);
  }
}

/** The words of a line about a run; `tail` as it was before base64. */
export function toldOf(line: string): Told {
  const [first, id, ...words] = line.split(' ');
  if (first !== 'RUN' || id === undefined) throw new Error(`not about a run: ${line}`);
  const told: Told = Object.fromEntries(
    words.map((word) => [word.split('=')[0] ?? '', word.slice(word.indexOf('=') + 1)]),
  );
  if (told['tail'] !== undefined) told['tail'] = Buffer.from(told['tail'], 'base64').toString();
  return { id, ...told };
}
