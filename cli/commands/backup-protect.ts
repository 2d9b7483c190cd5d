import type { ApiClient } from '../client.ts';
import { targetName } from '../kind-names.ts';
import { namedTarget } from '../named-target.ts';
import type { Say } from '../text.ts';

/** Keeps backups from being deleted, by people and by retention, or no longer does. */
export async function protectBackups(
  client: ApiClient,
  words: readonly string[],
  { namespace, isProtected }: { namespace?: string; isProtected: boolean },
  say: Say,
): Promise<void> {
  const targets = words.map((word) => namedTarget(word, ['Backup'], namespace));
  for (const target of targets) {
    await client.patch(target, { spec: { protected: isProtected } });
    say(`${targetName(target)} ${isProtected ? 'protected' : 'is not protected any more'}`);
  }
}
