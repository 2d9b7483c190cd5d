import { Option, type Command } from 'commander';
import { wholeNumber } from './options.ts';
import type { Tools } from './program.ts';

/** The commands that run Containr itself, and the one that says which one it is. */
export function defineServerCommands(program: Command, { say, end, outliveReader, loadClient }: Tools): void {
  program
    .command('version')
    .description('show the versions of command and server')
    .action(async () => {
      const [{ version }, connect] = await Promise.all([import('./commands/version.ts'), loadClient()]);
      await version(connect, say);
    });

  const server = program
    .command('server')
    .description('run the controller and the API until interrupted')
    .option('--host <address>', 'where to listen; 127.0.0.1 unless CONTAINR_HOST says otherwise')
    .addOption(
      new Option('--port <number>', 'where to listen; 8080, 0 for a free one').argParser(wholeNumber(0, 65_535)),
    )
    .option('--data-dir <folder>', 'everything that is kept')
    .addOption(
      new Option('--store <name>', 'where objects are kept; postgres unless CONTAINR_STORE says otherwise').choices([
        'postgres',
        'kubernetes',
      ]),
    )
    .option('--kubeconfig <file>', 'how to reach the Kubernetes API; without it as kubectl does, or as a pod does')
    .addHelpText('after', '\nExample:\n  containr server --host 0.0.0.0 --data-dir /var/lib/containr')
    .action(async (flags) => {
      const { runServer } = await import('./commands/server.ts');
      runServer('controller/main', flags);
    });
  server
    .command('rotate-keys')
    .description(
      'add a key that secrets are encrypted with and sealed for from the next start on; older ones still open',
    )
    .addHelpText('after', '\nExample:\n  containr server rotate-keys --data-dir /var/lib/containr')
    .action(async () => {
      const { runServer } = await import('./commands/server.ts');
      runServer('controller/rotate-keys', server.opts());
    });

  server
    .command('export')
    .description('write the whole installation into one encrypted file: keys, objects, accounts, tokens')
    .requiredOption('-o, --output <file>', 'a new file, which only its owner can read')
    .option('--recipient <key...>', 'encrypt for age recipients (age1...) instead of a passphrase')
    .option('--passphrase-file <file>', 'its first line is the passphrase; without it that is asked for')
    .option('--audit', 'with the audit')
    .addHelpText(
      'after',
      `
The server may run meanwhile. Logs, events and the data of guests are not part of it. Whoever has the file and what opens it can
read every Secret; without the keys in it Secrets cannot be read at all.

Examples:
  containr server export -o containr.age --data-dir /var/lib/containr
  containr server export -o containr.age --recipient age1...`,
    )
    .action(async (flags) => {
      const { exportInstallation } = await import('./commands/server-file.ts');
      end(await exportInstallation(flags, server.opts()));
    });
  const filling = [
    { command: server.command('import'), example: 'containr server import', at: () => server.opts() },
    {
      command: program.command('import').option('--data-dir <folder>', 'everything that is kept'),
      example: 'containr import',
      at: (flags: { dataDir?: string }) => flags,
    },
  ];
  for (const { command, example, at } of filling) {
    command
      .description('fill an empty store from an export of an installation; the server then only observes')
      .argument('<file>', 'what "containr server export" wrote')
      .option('--identity <file>', 'age private keys, for an export with --recipient')
      .option('--passphrase-file <file>', 'its first line is the passphrase; without it that is asked for')
      .option('--keys-only', 'take only the keys, so that applied manifests take over the guests that run')
      .addHelpText('after', `\nExample:\n  ${example} containr.age --data-dir /var/lib/containr`)
      .action(async (file: string, flags) => {
        const { importInstallation } = await import('./commands/server-file.ts');
        end(await importInstallation(file, flags, at(flags)));
      });
  }

  const dev = program
    .command('dev')
    .description('run everything on this machine: a Proxmox sandbox, the database, the controller and the API')
    .addOption(
      new Option('--port <number>', 'where the API listens; 0 for a free one')
        .default(8_080)
        .argParser(wholeNumber(0, 65_535)),
    )
    .option('--data-dir <folder>', 'everything that is kept; data survives a restart with the same folder', '.containr')
    .addOption(new Option('--engine <name>', 'what runs guests; lxc where it can').choices(['lxc', 'simulated']))
    .addOption(new Option('--nodes <count>', 'Proxmox nodes in the sandbox').default(1).argParser(wholeNumber(1, 100)))
    .option('--https', 'have the API speak HTTPS, as kubectl wants it, with a certificate of its own')
    .option('--ready-file <file>', 'written once everything is ready, removed at the end')
    .option('--allow-repositories <folder...>', 'folders under which repositories may be plain paths')
    .option('--detach', 'go on in the background once everything is ready')
    .addHelpText(
      'after',
      `
Examples:
  containr dev
  containr dev --port 0 --data-dir /tmp/one --engine simulated --nodes 3 --detach
  containr dev stop --data-dir /tmp/one`,
    )
    .action(async (flags) => {
      outliveReader();
      const { dev: run } = await import('./commands/dev.ts');
      end(await run(flags, say));
    });
  dev
    .command('stop')
    .description('end the dev of a folder, and wait until it has ended')
    .action(async () => {
      const { stopDev } = await import('./dev/stop-dev.ts');
      await stopDev(dev.opts<{ dataDir: string }>().dataDir, say);
    });
}
