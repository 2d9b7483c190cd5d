import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { CliError } from '../exit.ts';
import { nodeFlags } from '../programs.ts';
import type { Say } from '../text.ts';
import { refuseHolder } from './folder-lock.ts';
import type { DevOptions } from './programs.ts';

const START_MS = 200_000;

/** Starts the same command in the background and waits until it is ready; ends it when it does not become so. */
export async function detach(options: DevOptions, say: Say): Promise<void> {
  const { dataDir } = options;
  refuseHolder(dataDir);
  mkdirSync(join(dataDir, 'logs'), { recursive: true, mode: 0o700 });
  const readyFile = resolve(options.readyFile ?? join(dataDir, 'ready.json'));
  rmSync(readyFile, { force: true });
  const logFile = join(dataDir, 'logs', 'dev.log');
  const output = openSync(logFile, 'w', 0o600);
  const main = fileURLToPath(new URL(import.meta.url.endsWith('.ts') ? '../main.ts' : '../main.js', import.meta.url));
  const child = spawn(process.execPath, [...nodeFlags, main, 'dev', ...parametersOf(options, readyFile)], {
    detached: true,
    stdio: ['ignore', output, output],
  });
  closeSync(output);
  const interrupt = (): void => {
    child.kill('SIGTERM');
    process.exit(130);
  };
  process.once('SIGINT', interrupt);

  const deadline = Date.now() + START_MS;
  while (!existsSync(readyFile)) {
    const hasEnded = child.exitCode !== null || child.signalCode !== null;
    if (!hasEnded && Date.now() < deadline) {
      await pause(100);
      continue;
    }
    child.kill('SIGTERM');
    const lines = readFileSync(logFile, 'utf8').trimEnd().split('\n').slice(-8);
    throw new CliError('server', `It did not become ready. All that it said: ${logFile}`, lines);
  }
  process.off('SIGINT', interrupt);
  child.unref();
  say(readFileSync(logFile, 'utf8').trimEnd());
  say(`It runs in the background (process ${child.pid}). To stop it: containr dev stop --data-dir ${dataDir}`);
}

function parametersOf(
  { port, dataDir, nodes, https = false, engine, allowRepositories }: DevOptions,
  readyFile: string,
): string[] {
  const parameters = [
    ['--port', String(port)],
    ['--data-dir', dataDir],
    ['--nodes', String(nodes)],
    ['--ready-file', readyFile],
    https ? ['--https'] : [],
    engine === undefined ? [] : ['--engine', engine],
    allowRepositories === undefined ? [] : ['--allow-repositories', ...allowRepositories],
  ];
  return parameters.flat();
}
