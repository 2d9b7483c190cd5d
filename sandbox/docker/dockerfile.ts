import { z } from 'zod';
import { DockerError } from './docker-error.ts';
import { splitWords } from './shell-words.ts';

const instructionNames = [
  'ADD',
  'ARG',
  'CMD',
  'COPY',
  'ENTRYPOINT',
  'ENV',
  'EXPOSE',
  'FROM',
  'HEALTHCHECK',
  'LABEL',
  'MAINTAINER',
  'ONBUILD',
  'RUN',
  'SHELL',
  'STOPSIGNAL',
  'USER',
  'VOLUME',
  'WORKDIR',
] as const;

/** Every instruction of the classic builder. */
export type InstructionName = (typeof instructionNames)[number];

/** One instruction of a Dockerfile. */
export interface Instruction {
  name: InstructionName;
  /** `--name=value` words before the arguments; a flag without value is `true`. */
  flags: Readonly<Record<string, string>>;
  /** What follows the flags, lines joined. */
  rest: string;
  /** The arguments where they are a JSON list of strings. */
  list: string[] | undefined;
  /** As a build shows it. */
  text: string;
  line: number;
}

/** A Dockerfile that was read; nothing in it is replaced yet. */
export interface Dockerfile {
  /** `\`, or what the escape directive says. */
  escape: string;
  /** ARG instructions before the first FROM. */
  globals: Instruction[];
  stages: Stage[];
}

/** From one FROM to the next. */
export interface Stage {
  name: string | undefined;
  from: Instruction;
  instructions: Instruction[];
}

/** Reads a Dockerfile. Throws DockerError 400 in Docker's words. */
export function parseDockerfile(text: string, path = 'Dockerfile'): Dockerfile {
  const escape = /^#\s*escape\s*=\s*(\S)/im.exec(leadingComments(text))?.[1] ?? '\\';
  const instructions = logicalLines(text, escape).map(({ text, line }) => parseInstruction(text, line, escape));
  if (text === '') throw new DockerError(400, `the Dockerfile (${path}) cannot be empty`);
  if (instructions.length === 0) throw new DockerError(400, 'failed to parse Dockerfile: file with no instructions');
  const dockerfile: Dockerfile = { escape, globals: [], stages: [] };
  for (const instruction of instructions) {
    const stage = dockerfile.stages.at(-1);
    if (instruction.name === 'FROM') dockerfile.stages.push(parseStage(instruction));
    else if (stage) stage.instructions.push(instruction);
    else if (instruction.name === 'ARG') dockerfile.globals.push(instruction);
    else throw new DockerError(400, 'no build stage in current context');
  }
  if (dockerfile.stages.length === 0) throw new DockerError(400, 'no build stage in current context');
  return dockerfile;
}

/** The pairs of ENV and LABEL: `A=1 B="x y"`, or the old form `A all the rest`. Quotes and variables are left as they are. */
export function readPairs(
  { name, rest, line }: Pick<Instruction, 'name' | 'rest' | 'line'>,
  escape: string,
): Array<[string, string]> {
  const words = splitWords(rest, escape);
  if (!words[0]?.includes('=')) {
    const [, key, value] = /^(\S+)\s+(.+)$/s.exec(rest) ?? [];
    if (key === undefined || value === undefined) {
      throw new DockerError(400, `failed to parse Dockerfile: ${name} must have two arguments`);
    }
    return [[key, value]];
  }
  return words.map((word) => {
    const at = word.indexOf('=');
    if (at > 0) return [word.slice(0, at), word.slice(at + 1)];
    throw new DockerError(
      400,
      `dockerfile parse error line ${line}: Syntax error - can't find = in "${word}". Must be of the form: name=value`,
    );
  });
}

function leadingComments(text: string): string {
  return /^(?:#.*\n)*/.exec(text.replace(/^\uFEFF/, ''))?.[0] ?? '';
}

/** Joins lines that end in the escape character; comments and empty lines vanish, also in between. */
function logicalLines(text: string, escape: string): Array<{ text: string; line: number }> {
  const found: Array<{ text: string; line: number }> = [];
  let open: { text: string; line: number } | undefined;
  for (const [index, raw] of text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .entries()) {
    if (/^\s*(#|$)/.test(raw)) continue;
    const trimmed = raw.trimEnd();
    const continues = trimmed.endsWith(escape);
    const part = continues ? trimmed.slice(0, -1) : trimmed;
    open = open ? { text: open.text + part, line: open.line } : { text: part.trimStart(), line: index + 1 };
    if (continues) continue;
    found.push(open);
    open = undefined;
  }
  return open ? [...found, open] : found;
}

function parseInstruction(text: string, line: number, escape: string): Instruction {
  const [, word = '', after = ''] = /^(\S+)\s*(.*)$/s.exec(text) ?? [];
  const name = instructionNames.find((known) => known === word.toUpperCase());
  if (!name)
    throw new DockerError(400, `dockerfile parse error line ${line}: unknown instruction: ${word.toUpperCase()}`);
  const { flags, rest } = takeFlags(after);
  const instruction: Instruction = { name, flags, rest, list: parseList(rest), text: text.trim(), line };
  checkArguments(instruction);
  if (name === 'ENV' || name === 'LABEL') readPairs(instruction, escape);
  return instruction;
}

function takeFlags(text: string): { flags: Record<string, string>; rest: string } {
  const flags: Record<string, string> = {};
  let rest = text.trim();
  for (let flag = /^--([\w-]+)(?:=(\S*))?\s*/.exec(rest); flag; flag = /^--([\w-]+)(?:=(\S*))?\s*/.exec(rest)) {
    flags[flag[1] ?? ''] = flag[2] ?? 'true';
    rest = rest.slice(flag[0].length);
  }
  return { flags, rest };
}

function parseList(text: string): string[] | undefined {
  if (!text.startsWith('[')) return undefined;
  try {
    return z.array(z.string()).parse(JSON.parse(text));
  } catch {
    return undefined; // Docker takes what is no proper list as a shell command.
  }
}

const knownFlags: Partial<Record<InstructionName, readonly string[]>> = {
  ADD: ['chown', 'chmod'],
  COPY: ['from', 'chown', 'chmod'],
  FROM: ['platform'],
  HEALTHCHECK: ['interval', 'timeout', 'start-period', 'retries'],
  RUN: ['mount', 'network', 'security'],
};

function checkArguments({ name, flags, rest, list, line }: Instruction): void {
  const words = list ?? rest.split(/\s+/).filter((word) => word !== '');
  const refuse = (text: string): never => {
    throw new DockerError(400, `dockerfile parse error line ${line}: ${text}`);
  };
  const unknown = Object.keys(flags).find((flag) => !knownFlags[name]?.includes(flag));
  if (unknown !== undefined) refuse(`Unknown flag: ${unknown}`);
  if ((name === 'COPY' || name === 'ADD') && words.length < 2) {
    if (words.length === 0) refuse(`${name} requires at least two arguments`);
    refuse(`${name} requires at least two arguments, but only one was provided. Destination could not be determined`);
  }
  if (name === 'SHELL' && !list) refuse('SHELL requires the arguments to be in JSON form');
  if (['WORKDIR', 'USER', 'STOPSIGNAL', 'MAINTAINER'].includes(name) && rest === '')
    refuse(`${name} requires exactly one argument`);
  if (
    ['ENV', 'LABEL', 'EXPOSE', 'VOLUME', 'ARG', 'RUN', 'ONBUILD', 'HEALTHCHECK'].includes(name) &&
    words.length === 0
  ) {
    refuse(`${name} requires at least one argument`);
  }
}

function parseStage(from: Instruction): Stage {
  const words = from.rest.split(/\s+/).filter((word) => word !== '');
  const isNamed = words.length === 3 && words[1]?.toLowerCase() === 'as';
  if (words.length !== 1 && !isNamed) {
    throw new DockerError(400, `dockerfile parse error line ${from.line}: FROM requires either one or three arguments`);
  }
  return { name: isNamed ? words[2]?.toLowerCase() : undefined, from, instructions: [] };
}
