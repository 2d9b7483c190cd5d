import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';

export interface ChildOptions {
  /** The program and its parameters. */
  command: readonly [program: string, ...parameters: string[]];
  env: Readonly<Record<string, string>>;
  /** What it prints is added to this file. */
  logFile: string;
  /** Called when it ends without having been asked to, with how it ended. */
  onEnd: (how: string) => void;
}

const KILL_AFTER_MS = 30_000;

/**
 * A program that runs beside us. Its standard input is a pipe that closes when we end, however we end; it ends then too. It
 * is the head of a group of its own, so that Ctrl-C in the terminal reaches us alone and we end the programs in order.
 */
export class DevChild {
  readonly #process: ChildProcess;
  readonly #ended: Promise<void>;
  #stopping = false;

  constructor({ command: [program, ...parameters], env, logFile, onEnd }: ChildOptions) {
    const log = openSync(logFile, 'a', 0o600);
    try {
      this.#process = spawn(program, parameters, {
        stdio: ['pipe', log, log],
        env: { ...process.env, ...env },
        detached: true,
      });
    } finally {
      closeSync(log);
    }
    this.#ended = new Promise((resolve) => {
      const end = (how: string): void => {
        resolve();
        if (!this.#stopping) onEnd(how);
      };
      this.#process.once('exit', (code, signal) =>
        end(signal === null ? `ended with code ${code}` : `was ended by ${signal}`),
      );
      this.#process.once('error', (error) => end(`could not be started (${error.message})`));
    });
  }

  /** Asks it to end, insists after a while, and waits. */
  async stop(): Promise<void> {
    this.#stopping = true;
    const { exitCode, signalCode, pid } = this.#process;
    if (exitCode !== null || signalCode !== null || pid === undefined) return;
    this.#process.kill('SIGTERM');
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), KILL_AFTER_MS);
    await this.#ended;
    clearTimeout(timer);
  }
}
