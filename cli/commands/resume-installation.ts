import { createInterface } from 'node:readline/promises';
import type { ApiClient } from '../client.ts';
import { CliError } from '../exit.ts';
import { newerThanStore } from '../newer-than-store.ts';
import { plainLine, type Say } from '../text.ts';

interface InstallationState {
  observeOnly: { since: string; because: string } | null;
}

/** Shows what differs from the store, asks, and lets the installation change things again. */
export async function resumeInstallation(
  client: ApiClient,
  { accept = false }: { accept?: boolean },
  say: Say,
): Promise<void> {
  const { observeOnly } = await client.request<InstallationState>('GET', '/api/installation');
  if (!observeOnly) return say('The installation is not in observe-only mode.');
  say(`Observe-only since ${observeOnly.since}: ${plainLine(observeOnly.because)}`);
  for (const line of await newerThanStore(client)) say(plainLine(line));
  if (!accept) await ask();
  await client.request('POST', '/api/installation/resume', {});
  say('installation resumed');
}

async function ask(): Promise<void> {
  if (!process.stdin.isTTY || !process.stderr.isTTY)
    throw new CliError('usage', 'Look at what is listed. To let everything be brought to what is declared: --accept', [
      'Nothing was changed.',
    ]);
  const asking = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await asking.question('From then on everything is brought to what is declared. Type "resume": ');
    if (answer.trim() !== 'resume') throw new CliError('usage', 'Nothing was changed.');
  } finally {
    asking.close();
  }
}
