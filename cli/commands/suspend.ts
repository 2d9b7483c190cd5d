import type { ApiClient } from '../client.ts';
import { CliError } from '../exit.ts';
import { targetName, type PlacedTarget } from '../kind-names.ts';
import type { Say } from '../text.ts';

/** The field that suspends a kind. */
const fields: Readonly<Record<string, string>> = { Service: 'suspended', Project: 'suspended', RepoSync: 'suspend' };

/** Stops what objects do, losing nothing, or lets them go on. */
export async function suspend(
  client: ApiClient,
  targets: readonly PlacedTarget[],
  suspended: boolean,
  say: Say,
): Promise<void> {
  const changes = targets.map((target) => {
    const field = fields[target.kind.kind];
    if (field === undefined)
      throw new CliError('usage', `A ${target.kind.kind} cannot be suspended. Services, projects and reposyncs can.`);
    return { target, field };
  });
  for (const { target, field } of changes) {
    await client.patch(target, { spec: { [field]: suspended } });
    say(`${targetName(target)} ${suspended ? 'suspended' : 'resumed'}`);
  }
}
