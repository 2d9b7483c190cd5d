import { signalNumber } from '../lxc/halt-signal.ts';
import { DockerError } from './docker-error.ts';
import { readPairs, type Instruction } from './dockerfile.ts';
import type { RunConfig } from './image-config.ts';
import { expandWord, expandWords, type Variables } from './shell-words.ts';

/** What an instruction that only describes leaves behind. */
export interface Described {
  config: RunConfig;
  /** For the image's history, with variables replaced. */
  createdBy: string;
}

const defaultShell = ['/bin/sh', '-c'];

/** Applies an instruction that changes how the image is run, and no files. Throws DockerError in Docker's words. */
export function describeImage(
  config: RunConfig,
  instruction: Instruction,
  context: { variables: Variables; escape: string; cmdSet: boolean },
): Described {
  const { name, rest, list, flags } = instruction;
  const { variables, escape } = context;
  const one = (text: string): string => expandWord(text, variables, escape);
  const many = (): string[] => list?.map(one) ?? expandWords(rest, variables, escape);
  switch (name) {
    case 'ENV': {
      const pairs = readPairs(instruction, escape).map(([key, value]): [string, string] => [one(key), one(value)]);
      const createdBy = `ENV ${pairs.map((pair) => pair.join('=')).join(' ')}`;
      return { config: { ...config, Env: pairs.reduce(withVariable, config.Env ?? []) }, createdBy };
    }
    case 'LABEL': {
      const pairs = readPairs(instruction, escape).map(([key, value]): [string, string] => [one(key), one(value)]);
      const createdBy = `LABEL ${pairs.map((pair) => pair.join('=')).join(' ')}`;
      return { config: { ...config, Labels: { ...config.Labels, ...Object.fromEntries(pairs) } }, createdBy };
    }
    case 'USER':
      return { config: { ...config, User: one(rest) }, createdBy: `USER ${one(rest)}` };
    case 'EXPOSE': {
      const ports = many().flatMap(expandPorts);
      const all = Object.fromEntries([...Object.keys(config.ExposedPorts ?? {}), ...ports].map((port) => [port, {}]));
      return { config: { ...config, ExposedPorts: all }, createdBy: `EXPOSE ${many().toSorted().join(' ')}` };
    }
    case 'VOLUME': {
      const volumes = many();
      const all = Object.fromEntries([...Object.keys(config.Volumes ?? {}), ...volumes].map((path) => [path, {}]));
      return { config: { ...config, Volumes: all }, createdBy: `VOLUME [${volumes.join(' ')}]` };
    }
    case 'STOPSIGNAL': {
      const signal = one(rest);
      try {
        signalNumber(signal);
      } catch {
        throw new DockerError(400, `Invalid signal: ${signal}`);
      }
      return { config: { ...config, StopSignal: signal }, createdBy: `STOPSIGNAL ${signal}` };
    }
    case 'CMD':
      return {
        config: { ...config, Cmd: commandOf(instruction, config) },
        createdBy: quoted('CMD', instruction, config),
      };
    case 'ENTRYPOINT': {
      const entrypoint = { ...config, Entrypoint: commandOf(instruction, config) };
      // A command that only came from the base image was meant for another entrypoint.
      const next = context.cmdSet ? entrypoint : { ...entrypoint, Cmd: null };
      return { config: next, createdBy: quoted('ENTRYPOINT', instruction, config) };
    }
    case 'SHELL':
      return { config: { ...config, Shell: list ?? [] }, createdBy: `SHELL [${(list ?? []).join(' ')}]` };
    case 'ONBUILD':
      return { config: { ...config, OnBuild: [...(config.OnBuild ?? []), rest] }, createdBy: `ONBUILD ${rest}` };
    case 'HEALTHCHECK':
      return { config: { ...config, Healthcheck: readHealthcheck(rest, flags) }, createdBy: `HEALTHCHECK ${rest}` };
    case 'ARG':
      return { config, createdBy: `ARG ${rest}` };
    case 'MAINTAINER':
      return { config, createdBy: `MAINTAINER ${rest}` };
    case 'FROM':
    case 'RUN':
    case 'COPY':
    case 'ADD':
    case 'WORKDIR':
      throw new TypeError(`${name} does more than describe the image`);
    default:
      return name satisfies never;
  }
}

/** Sets a variable in a list of `NAME=value`, in its old place if it was there. */
export function withVariable(env: readonly string[], [name, value]: readonly [string, string]): string[] {
  const index = env.findIndex((entry) => entry.startsWith(`${name}=`));
  return index === -1 ? [...env, `${name}=${value}`] : env.with(index, `${name}=${value}`);
}

function commandOf({ list, rest }: Instruction, { Shell }: RunConfig): string[] {
  return list ?? [...(Shell ?? defaultShell), rest];
}

function quoted(name: string, instruction: Instruction, config: RunConfig): string {
  return `${name} [${commandOf(instruction, config)
    .map((word) => JSON.stringify(word))
    .join(' ')}]`;
}

function expandPorts(text: string): string[] {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?(?:\/(tcp|udp|sctp))?$/i.exec(text);
  const first = Number(match?.[1]);
  const last = Number(match?.[2] ?? match?.[1]);
  if (!match || last > 65_535 || first > last) throw new DockerError(400, `Invalid containerPort: ${text}`);
  return Array.from(
    { length: last - first + 1 },
    (_, index) => `${first + index}/${(match[3] ?? 'tcp').toLowerCase()}`,
  );
}

function readHealthcheck(rest: string, flags: Readonly<Record<string, string>>): NonNullable<RunConfig['Healthcheck']> {
  const [, kind = '', command = ''] = /^(\S+)\s*(.*)$/s.exec(rest) ?? [];
  if (kind.toUpperCase() === 'NONE') return { Test: ['NONE'] };
  if (kind.toUpperCase() !== 'CMD') throw new DockerError(400, `Unknown type "${kind}" in HEALTHCHECK (try CMD)`);
  const interval = nanoseconds(flags['interval']);
  const timeout = nanoseconds(flags['timeout']);
  const startPeriod = nanoseconds(flags['start-period']);
  const retries = Number(flags['retries'] ?? 0);
  return {
    Test: healthTest(command),
    ...(interval > 0 && { Interval: interval }),
    ...(timeout > 0 && { Timeout: timeout }),
    ...(startPeriod > 0 && { StartPeriod: startPeriod }),
    ...(retries > 0 && { Retries: retries }),
  };
}

function healthTest(command: string): string[] {
  if (command === '') throw new DockerError(400, 'Missing command after HEALTHCHECK CMD');
  if (!command.startsWith('[')) return ['CMD-SHELL', command];
  try {
    const words: unknown = JSON.parse(command);
    if (Array.isArray(words) && words.every((word) => typeof word === 'string')) return ['CMD', ...words];
  } catch {
    // No list after all: Docker takes it as a shell command.
  }
  return ['CMD-SHELL', command];
}

const unitNanoseconds = new Map([
  ['ns', 1],
  ['us', 1e3],
  ['ms', 1e6],
  ['s', 1e9],
  ['m', 6e10],
  ['h', 3.6e12],
]);

function nanoseconds(duration = '0s'): number {
  if (!/^(?:\d+(?:\.\d+)?(?:ns|us|ms|s|m|h))+$/.test(duration)) {
    throw new DockerError(400, `time: invalid duration "${duration}"`);
  }
  const parts = duration.matchAll(/(\d+(?:\.\d+)?)(ns|us|ms|s|m|h)/g);
  return [...parts].reduce((sum, [, count, unit]) => sum + Number(count) * (unitNanoseconds.get(unit ?? '') ?? 0), 0);
}
