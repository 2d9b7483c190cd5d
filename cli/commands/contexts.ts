import { readContexts, writeContexts } from '../context.ts';
import { CliError } from '../exit.ts';
import { alignColumns } from '../render-table.ts';
import type { Say } from '../text.ts';

/** Every context that is kept, without tokens; a star marks the current one. */
export function listContexts(say: Say): void {
  const { current, contexts } = readContexts();
  const rows = Object.entries(contexts).map(([name, { url }]) => [name === current ? '*' : '', name, url]);
  if (rows.length === 0) process.stderr.write('No contexts. Use "containr login URL".\n');
  else for (const line of alignColumns([['', 'NAME', 'URL'], ...rows])) say(line);
}

/** Makes a context the current one. */
export function switchContext(name: string, say: Say): void {
  const file = readContexts();
  if (!Object.hasOwn(file.contexts, name))
    throw new CliError('notFound', `There is no context "${name}". See "containr context list".`);
  writeContexts({ ...file, current: name });
  say(`Using context "${name}".`);
}
