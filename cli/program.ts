import { Command } from 'commander';
import type { ApiClient } from './client.ts';
import { defineAccountCommands } from './define-account-commands.ts';
import { defineBackupCommands } from './define-backup-commands.ts';
import { defineDatabaseCommands } from './define-database-commands.ts';
import { defineDriftCommands } from './define-drift-commands.ts';
import { defineHelpCommands } from './define-help-commands.ts';
import { defineReadCommands } from './define-read-commands.ts';
import { defineRolloutCommands } from './define-rollout-commands.ts';
import { defineSecretCommands } from './define-secret-commands.ts';
import { defineServerCommands } from './define-server-commands.ts';
import { defineWriteCommands } from './define-write-commands.ts';
import type { ExitName } from './exit.ts';
import type { Say } from './text.ts';

/** What commands need from the process they run in. */
export interface Tools {
  say: Say;
  /** How the process is to end. */
  end(exit: ExitName | number): void;
  /** Goes on although nobody reads the output any more: for what must not stop half way. */
  outliveReader(): void;
  /** Loads what makes a connection to the server in use; calling it makes one. */
  loadClient(): Promise<() => ApiClient>;
}

/** Every command, with its code loaded only when it is used: reading shall be quick. */
export function buildProgram(tools: Omit<Tools, 'loadClient'>): Command {
  const program = new Command('containr')
    .description('A platform as a service on Proxmox VE.')
    .option('--context <name>', 'the installation to talk to, as kept by "containr login"')
    .exitOverride()
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'containr: ')) })
    .showHelpAfterError('  Add --help to the command to see what it takes.')
    .addHelpText(
      'after',
      `
The server is the one of --context, else of CONTAINR_URL and CONTAINR_TOKEN, else of the current context.
Exit codes: 0 ok, 1 a difference or a "no", 2 usage, 3 not found, 4 conflict, 5 forbidden, 6 timeout, 7 server.`,
    );

  async function loadClient(): Promise<() => ApiClient> {
    const [{ ApiClient: Client }, { resolveConnection }] = await Promise.all([
      import('./client.ts'),
      import('./context.ts'),
    ]);
    return () => new Client(resolveConnection(program.opts<{ context?: string }>().context));
  }

  const all: Tools = { ...tools, loadClient };
  defineReadCommands(program, all);
  defineWriteCommands(program, all);
  defineRolloutCommands(program, all);
  defineBackupCommands(program, all);
  defineDatabaseCommands(program, all);
  defineDriftCommands(program, all);
  defineAccountCommands(program, all);
  defineSecretCommands(program, all);
  defineServerCommands(program, all);
  defineHelpCommands(program, all);
  return program;
}
