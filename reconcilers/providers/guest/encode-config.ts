import { Fault } from '../../../controller/errors.ts';
import { sealGuestConfig, type ConfigSeal } from './seal-config.ts';

/** What the supervisor of a guest is told at its start; guest/README.md explains each. */
export interface GuestConfig {
  command: readonly string[];
  /** NAME=value entries: the whole environment of the process. */
  env: readonly string[];
  user?: string;
  workingDir?: string;
  stopSignal?: string;
  stopTimeoutMs?: number;
  restart?: 'always' | 'on-failure' | 'never';
  /** Lets its holder read the log. Never logged, never in a message. */
  secret?: string;
  port?: number;
  /** IPv4 address. */
  listen?: string;
  hostname?: string;
  nameservers?: readonly string[];
  search?: readonly string[];
  /** Lines for /etc/hosts. */
  hosts?: readonly string[];
  /** Where volumes are mounted: a new one is given to the user of the process. */
  volumes?: readonly string[];
  readyPort?: number;
  logLimitBytes?: number;
  /** What the supervisor may be asked to run, by name. */
  commands?: readonly GuestProgram[];
  /** The process is not started before the supervisor is told to. */
  hold?: boolean;
}

/** A program that a guest can be asked to run. */
export interface GuestProgram {
  name: string;
  argv: readonly string[];
  user?: string | undefined;
  /** Where its standard output goes. */
  outputPath?: string | undefined;
  /** Where its standard input comes from. */
  inputPath?: string | undefined;
}

/** Proxmox keeps it in a cluster file system, and from 128 KiB on the kernel refuses the start. */
const limitBytes = 64 * 1024;

/**
 * The value of CONTAINR_CONFIG, encrypted where it says for whom. Throws Invalid for what cannot be expressed; the message names
 * it and holds no value.
 */
export function encodeGuestConfig(config: GuestConfig, seal?: ConfigSeal): string {
  const pairs = pairsOf(config);
  for (const [key, value] of pairs) {
    if (value.includes('\0')) throw new Fault('Invalid', `${describe(key, value)} holds a NUL byte. Remove it.`);
  }
  const plain = Buffer.from(pairs.map(([key, value]) => `${key}\0${value}\0`).join(''), 'utf8');
  const encoded = seal ? sealGuestConfig(plain, seal) : plain.toString('base64');
  if (encoded.length > limitBytes) {
    throw new Fault(
      'Invalid',
      `Command and environment come to ${encoded.length} bytes encoded; a guest takes ${limitBytes}. ` +
        'Put large values into files of the image.',
    );
  }
  return encoded;
}

type Pair = readonly [key: string, value: string];

function pairsOf(config: GuestConfig): Pair[] {
  if (config.command.length === 0) throw new Fault('Invalid', 'There is no command to run. Set one.');
  return [
    ...config.command.map((word): Pair => ['arg', word]),
    ...config.env.map(envPair),
    ...optional('user', config.user),
    ...optional('cwd', config.workingDir),
    ...optional('stop-signal', config.stopSignal),
    ...optional('stop-timeout', config.stopTimeoutMs),
    ...optional('restart', config.restart),
    ...optional('secret', config.secret),
    ...optional('port', config.port),
    ...optional('listen', config.listen),
    ...optional('hostname', config.hostname),
    ...(config.nameservers ?? []).map((address): Pair => ['nameserver', address]),
    ...(config.search ?? []).map((domain): Pair => ['search', domain]),
    ...(config.hosts ?? []).map((line): Pair => ['hosts', line]),
    ...(config.volumes ?? []).map((path): Pair => ['volume', path]),
    ...optional('ready-port', config.readyPort),
    ...optional('log-limit', config.logLimitBytes),
    ...(config.commands ?? []).flatMap(programPairs),
    ...optional('hold', config.hold === true ? 'yes' : ''),
  ];
}

/** A group: what follows a name belongs to it. */
function programPairs({ name, argv, user, outputPath, inputPath }: GuestProgram): Pair[] {
  return [
    ['command', name],
    ...argv.map((word): Pair => ['command-arg', word]),
    ...optional('command-user', user),
    ...optional('command-output', outputPath),
    ...optional('command-input', inputPath),
  ];
}

function envPair(entry: string): Pair {
  if (entry.indexOf('=') < 1) throw new Fault('Invalid', 'An environment entry is not NAME=value. Correct it.');
  return ['env', entry];
}

/** An empty text is as good as none: the supervisor has a default for each. */
function optional(key: string, value: string | number | undefined): Pair[] {
  return value === undefined || value === '' ? [] : [[key, String(value)]];
}

/** Names the entry without showing a value, for that may be a secret. */
function describe(key: string, value: string): string {
  if (key === 'env') return `The environment variable ${value.slice(0, value.indexOf('=')).replaceAll('\0', '')}`;
  if (key === 'command-arg') return 'A word of a command that the guest may be asked to run';
  if (key === 'arg') return 'A word of the command';
  return `The setting "${key}"`;
}
