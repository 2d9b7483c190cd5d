import { openSupervisorConfig } from './sealed-config.ts';

/** What the supervisor of a guest is told, as far as the simulation heeds it. */
export interface SupervisorConfig {
  command: string[];
  env: Map<string, string>;
  stopSignal: string;
  restart: 'always' | 'on-failure' | 'never';
  /** Without it the port stays closed. */
  secret: string | undefined;
  port: number;
  readyPort: number | undefined;
  logLimit: number;
  /** Where volumes are mounted. */
  volumes: string[];
  /** What it may be asked to run. */
  commands: SupervisorProgram[];
  /** The process is not started before it is told to. */
  hold: boolean;
}

/** A program that a guest may be asked to run. */
export interface SupervisorProgram {
  name: string;
  argv: string[];
  outputPath?: string;
  inputPath?: string;
}

/** Decodes `CONTAINR_CONFIG`, with the image's key file where it is encrypted; undefined when it cannot be used. Unknown keys are ignored. */
export function readSupervisorConfig(
  encoded: string | undefined,
  keyFile: string | undefined,
): SupervisorConfig | undefined {
  const opened = encoded === undefined ? undefined : openSupervisorConfig(encoded, keyFile);
  if (opened === undefined) return undefined;
  const fields = opened.toString('utf8').split('\0');
  if (fields.pop() !== '' || fields.length % 2 !== 0) return undefined;
  const values = new Map<string, string[]>();
  const commands: SupervisorProgram[] = [];
  for (let index = 0; index < fields.length; index += 2) {
    const key = fields[index] ?? '';
    readProgram(commands, key, fields[index + 1] ?? '');
    values.set(key, [...(values.get(key) ?? []), fields[index + 1] ?? '']);
  }
  const last = (key: string): string | undefined => values.get(key)?.at(-1);
  const command = values.get('arg') ?? [];
  if (command.length === 0) return undefined;
  const restart = last('restart');
  const readyPort = last('ready-port');
  return {
    command,
    env: readEnvironment(values.get('env') ?? []),
    stopSignal: last('stop-signal') ?? 'SIGTERM',
    restart: restart === 'never' || restart === 'on-failure' ? restart : 'always',
    secret: last('secret'),
    port: Number(last('port') ?? 10_301),
    readyPort: readyPort === undefined ? undefined : Number(readyPort),
    logLimit: Number(last('log-limit') ?? 64 * 1024 ** 2),
    volumes: values.get('volume') ?? [],
    commands,
    hold: last('hold') === 'yes',
  };
}

/** What follows a command's name belongs to it. */
function readProgram(commands: SupervisorProgram[], key: string, value: string): void {
  if (key === 'command') commands.push({ name: value, argv: [] });
  const program = commands.at(-1);
  if (!program) return;
  if (key === 'command-arg') program.argv.push(value);
  if (key === 'command-output') program.outputPath = value;
  if (key === 'command-input') program.inputPath = value;
}

/** `NAME=value` entries by name; the last of several wins. */
export function readEnvironment(entries: readonly string[]): Map<string, string> {
  return new Map(
    entries.map((entry) => {
      const end = entry.indexOf('=');
      return end < 0 ? [entry, ''] : [entry.slice(0, end), entry.slice(end + 1)];
    }),
  );
}
