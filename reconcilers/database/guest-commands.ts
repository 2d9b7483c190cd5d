import { BACKUP_COMMANDS, dumpPath, treeCommands } from '../shared/backup-commands.ts';
import type { Guest } from '../../crds/guest.ts';
import type { EngineDefinition } from './engines/engine-definition.ts';

/** What the supervisor of a database's guest may be asked to run, for backups and restores. Pure. */
export function guestCommands({ backup, dataPath }: EngineDefinition): Guest['spec']['commands'] {
  const { quiesce, dump, load } = BACKUP_COMMANDS;
  const file = dumpPath(dataPath);
  return [
    ...(backup.quiesce ? [{ name: quiesce, argv: [...backup.quiesce.argv] }] : []),
    { name: dump, argv: [...backup.dump.argv], outputPath: file },
    { name: load, argv: [...backup.load.argv], inputPath: file },
    ...treeCommands(dataPath),
    { name: BACKUP_COMMANDS.readDump, argv: ['/bin/cat', file], user: '0' },
  ];
}
