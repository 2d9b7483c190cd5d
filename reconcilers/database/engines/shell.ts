import type { EngineCommand } from './engine-definition.ts';

/** A line for the shell of the image, which puts variables in: no password becomes a word of a program. */
export function shell(script: string): EngineCommand {
  return { argv: ['/bin/sh', '-c', script] };
}

/** The same for what only bash has. */
export function bash(script: string): EngineCommand {
  return { argv: ['/bin/bash', '-c', script] };
}
