import { durationMs } from '../../../crds/duration.ts';
import type { Database } from '../../../crds/database.ts';
import type { EngineDefinition, SettingEffect } from './engine-definition.ts';

/** What the guest runs, and which settings this engine does not have, in words. */
export interface ServerCommand {
  command: string[];
  unsupported: string[];
}

/** The command of the image with what Containr and the settings add to it. Pure. */
export function serverCommand(
  definition: EngineDefinition,
  imageCommand: readonly string[],
  settings: Database['spec']['settings'],
  memoryMiB: number,
): ServerCommand {
  const args: string[] = [];
  const unsupported: string[] = [];
  for (const [name, effect] of effectsOf(definition, settings)) {
    if ('args' in effect) args.push(...effect.args);
    else unsupported.push(`${name}: ${effect.unsupported}.`);
  }
  const { configOnInput } = definition;
  if (configOnInput === undefined)
    return { command: [...imageCommand, ...definition.args(memoryMiB), ...args], unsupported };
  const lines = configOnInput(memoryMiB, args).join('\n');
  const script = `exec "$@" <<CONFIG\n${lines}\nCONFIG\n`;
  return { command: ['/bin/sh', '-c', script, 'sh', ...imageCommand, ...definition.args(memoryMiB)], unsupported };
}

function effectsOf(
  { settings: effects }: EngineDefinition,
  settings: Database['spec']['settings'],
): [string, SettingEffect][] {
  const { maxConnections, timeout, ssl, logging } = settings;
  const list: [string, SettingEffect][] = [];
  if (maxConnections !== undefined) list.push(['maxConnections', effects.maxConnections(maxConnections)]);
  if (timeout !== undefined) list.push(['timeout', effects.timeout(durationMs(timeout))]);
  if (ssl) list.push(['ssl', effects.ssl()]);
  if (logging) list.push(['logging', effects.logging()]);
  return list;
}
