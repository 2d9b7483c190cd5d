import { spawn, type ChildProcess } from 'node:child_process';
import { openSync } from 'node:fs';
import { nodeFlags, programPath } from '../programs.ts';

interface ChildOptions {
  name: string;
  program: 'controller/main' | 'sandbox/main';
  parameters: readonly string[];
  env: Readonly<Record<string, string>>;
  /** Its standard error goes here; undefined shows it. */
  logFile: string | undefined;
  onEnd: (how: string) => void;
}

const KILL_AFTER_MS = 30_000;

/** A program that runs beside us. Its standard input is a pipe that closes when we end, however we end; it ends then too. */
export class DevChild {
  readonly name: string;
  readonly #process: ChildProcess;
  readonly #ended: Promise<void>;
  #stopping = false;

  constructor({ name, program, parameters, env, logFile, onEnd }: ChildOptions) {
    this.name = name;
    const errors = logFile === undefined ? 'inherit' : openSync(logFile, 'a', 0o600);
    this.#process = spawn(process.execPath, [...nodeFlags, programPath(program), ...parameters], {
      stdio: ['pipe', errors, errors],
      env: { ...process.env, ...env },
    });
    this.#ended = new Promise((resolve) => {
      this.#process.once('exit', (code, signal) => {
        resolve();
        if (!this.#stopping) onEnd(signal === null ? `ended with code ${code}` : `was ended by ${signal}`);
      });
    });
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  get hasEnded(): boolean {
    return this.#process.exitCode !== null || this.#process.signalCode !== null;
  }

  /** Asks it to end, insists after a while, and waits. */
  async stop(): Promise<void> {
    this.#stopping = true;
    if (!this.hasEnded) {
      this.#process.kill('SIGTERM');
      const timer = setTimeout(() => this.#process.kill('SIGKILL'), KILL_AFTER_MS);
      await this.#ended;
      clearTimeout(timer);
    }
  }
}
