import { readFile, readdir, stat } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { z } from 'zod';
import type { FakeConfig } from './fake-image.ts';

/** What the fake builder works on while it carries out one instruction after the other. */
export interface FakeBuildState {
  files: Record<string, string>;
  config: FakeConfig;
}

export type FakeStep = { ok: true } | { ok: false; why: string };

/** The instructions of a Dockerfile, comments and blank lines left out, continued lines joined. */
export function readInstructions(text: string): string[] {
  return text
    .replaceAll(/\\\r?\n/g, ' ')
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
}

/** Carries out any instruction but FROM. `RUN false` and `RUN exit 1` fail, every other RUN does nothing. */
export async function carryOut(instruction: string, contextDir: string, state: FakeBuildState): Promise<FakeStep> {
  const [word = '', rest = ''] = splitOnce(instruction);
  const { config } = state;
  switch (word.toUpperCase()) {
    case 'RUN':
      return /^(false|exit [1-9])/.test(rest)
        ? failed(`The command '/bin/sh -c ${rest}' returned a non-zero code: 1`)
        : done;
    case 'COPY':
    case 'ADD':
      return copy(contextDir, rest, state);
    case 'CMD':
      config.cmd = words(rest);
      return done;
    case 'ENTRYPOINT':
      config.entrypoint = words(rest);
      config.cmd = [];
      return done;
    case 'ENV':
      config.env = [...(config.env ?? []), rest.replaceAll('"', '')];
      return done;
    case 'EXPOSE':
      config.exposedPorts = [...(config.exposedPorts ?? []), rest.includes('/') ? rest : `${rest}/tcp`];
      return done;
    case 'WORKDIR':
      config.workingDir = posix.resolve(config.workingDir || '/', rest);
      return done;
    case 'USER':
      config.user = rest;
      return done;
    case 'STOPSIGNAL':
      config.stopSignal = rest;
      return done;
    case 'LABEL': {
      const [name = '', value = ''] = rest.replaceAll('"', '').split('=');
      config.labels = { ...config.labels, [name]: value };
      return done;
    }
    case 'ARG':
      return done;
    default:
      return failed(`unknown instruction: ${word}`);
  }
}

const done: FakeStep = { ok: true };

function failed(why: string): FakeStep {
  return { ok: false, why };
}

function splitOnce(text: string): string[] {
  const at = text.search(/\s/);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at).trim()];
}

function words(text: string): string[] {
  return text.startsWith('[') ? z.array(z.string()).parse(JSON.parse(text)) : ['/bin/sh', '-c', text];
}

async function copy(contextDir: string, rest: string, state: FakeBuildState): Promise<FakeStep> {
  const [source = '', target = ''] = rest.split(/\s+/).filter((word) => !word.startsWith('--'));
  const from = join(contextDir, posix.resolve('/', source));
  const found = await stat(from).catch(() => undefined);
  if (!found) return failed(`COPY failed: file not found in build context: stat ${source}: file does not exist`);
  const to = posix.resolve(state.config.workingDir || '/', target);
  if (found.isFile()) {
    state.files[target.endsWith('/') ? posix.join(to, posix.basename(source)) : to] = await readFile(from, 'utf8');
    return done;
  }
  for (const entry of await readdir(from, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    state.files[posix.join(to, path.slice(from.length))] = await readFile(path, 'utf8');
  }
  return done;
}
