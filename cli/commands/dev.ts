import { resolve } from 'node:path';
import { choosePort } from '../dev/choose-port.ts';
import { detach } from '../dev/detach.ts';
import { takeFolder } from '../dev/folder-lock.ts';
import type { DevOptions } from '../dev/programs.ts';
import { DevSession } from '../dev/session.ts';
import { exitCodes } from '../exit.ts';
import type { Say } from '../text.ts';

export interface DevFlags extends DevOptions {
  detach?: boolean;
}

/** Runs sandbox and controller beside each other until interrupted; answers the exit code. */
export async function dev(flags: DevFlags, say: Say): Promise<number> {
  const options = { ...flags, dataDir: resolve(flags.dataDir) };
  if (flags.detach) {
    await detach(options, say);
    return exitCodes.ok;
  }
  const release = takeFolder(options.dataDir);
  try {
    return await run({ ...options, port: await choosePort(flags.port) }, say);
  } finally {
    release();
  }
}

async function run(options: DevOptions, say: Say): Promise<number> {
  const session = new DevSession(options, say);
  const interrupted = Promise.withResolvers<void>();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => interrupted.resolve());
  try {
    await Promise.race([session.start().then(() => interrupted.promise), interrupted.promise]);
    say('Stopping ...');
    return exitCodes.ok;
  } finally {
    await session.stop();
  }
}
