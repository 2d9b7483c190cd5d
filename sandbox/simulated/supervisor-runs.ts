import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { GuestFiles } from './guest-files.ts';
import { supervisorPath } from './simulated-program.ts';
import type { SupervisorConfig, SupervisorProgram } from './supervisor-config.ts';

/** How a run came out. */
export interface RunResult {
  code: number;
  output: Buffer;
  tail: string;
}

interface Run {
  id: string;
  name: string;
  /** Undefined while it runs. */
  told?: string;
}

interface RunsOptions {
  config: SupervisorConfig;
  files: GuestFiles;
  /** Where the runs of earlier lives are remembered. */
  recordPath: string;
  has: (program: string) => boolean;
}

const runsKept = 32;
const tailLimit = 4096;
const lostCode = 256;
const unkeptCode = 257;
const runMs = 20;

/** Plays the runs of a guest's commands: each id once, remembered over restarts of the guest. */
export class SupervisorRuns {
  readonly #options: RunsOptions;
  #runs: Run[];

  constructor(options: RunsOptions) {
    this.#options = options;
    const { recordPath } = options;
    const kept = existsSync(recordPath) ? readFileSync(recordPath, 'utf8').split('\n').filter(Boolean) : [];
    const lost = { code: lostCode, output: Buffer.alloc(0), tail: 'the guest was restarted while this ran' };
    this.#runs = kept.map((line) => {
      const [id = '', name = '', told] = line.split('\t');
      return { id, name, told: told ?? describe(id, lost) };
    });
  }

  /** What the supervisor says to `RUN`, `READ` or `WRITE`; a program when a run of it begins now. */
  ask(id: string, name: string): { line: string } | { program: SupervisorProgram } {
    const known = this.#runs.find((run) => run.id === id);
    if (known && known.name !== name) return { line: 'ERR that id is a run of another command' };
    if (known) return { line: known.told ?? `RUN ${id} state=running` };
    const program = this.#options.config.commands.find((command) => command.name === name);
    if (!program) return { line: `RUN ${id} state=unknown` };
    this.#runs = [...this.#runs.slice(-(runsKept - 1)), { id, name }];
    this.#record();
    return { program };
  }

  /** Carries a run out; `input` counts more than the program's own, and with `isRead` the output goes into no file. */
  async carryOut(
    id: string,
    program: SupervisorProgram,
    { input, isRead = false }: { input?: Buffer; isRead?: boolean } = {},
  ): Promise<{ output: Buffer; line: string }> {
    await sleep(runMs);
    const result = this.#result(program, input, isRead);
    const line = describe(id, result);
    this.#runs = this.#runs.map((run) => (run.id === id ? { ...run, told: line } : run));
    this.#record();
    return { output: result.output, line };
  }

  #result(program: SupervisorProgram, given: Buffer | undefined, isRead: boolean): RunResult {
    const { files } = this.#options;
    const input = given ?? (program.inputPath === undefined ? Buffer.alloc(0) : files.read(program.inputPath));
    if (!input) return failed(unkeptCode, `cannot read its input ${program.inputPath}: No such file or directory`);
    const { code, output, tail } = this.#execute(program, input);
    if (isRead || program.outputPath === undefined) return { code, output, tail: isRead ? tail : `${output}${tail}` };
    if (code === 0 && !files.write(program.outputPath, output))
      return failed(unkeptCode, `cannot write ${program.outputPath}`);
    return { code, output, tail };
  }

  #execute({ name, argv: [program = '', word, path = ''] }: SupervisorProgram, input: Buffer): RunResult {
    const { config, files, has } = this.#options;
    if (program === supervisorPath && word === 'digest') {
      const digest = files.digest(path);
      if (!digest) return failed(1, `cannot open ${path}: No such file or directory\n`);
      return { code: 0, output: Buffer.from(`${digest.sha256} ${digest.files} ${digest.bytes}\n`), tail: '' };
    }
    if (!has(program)) return failed(127, `cannot run ${program}: No such file or directory`);
    const code = Number(new RegExp(`(?:^|,)${name}:(\\d+)`).exec(config.env.get('SIMULATED_RUNS') ?? '')?.[1] ?? 0);
    if (code !== 0) return failed(code, `${name} was told to fail\n`);
    const took = input.length === 0 ? '' : `, having read ${input.length} bytes`;
    return { code, output: Buffer.from(`what ${program} gives${took}\n`), tail: '' };
  }

  #record(): void {
    const { recordPath } = this.#options;
    mkdirSync(dirname(recordPath), { recursive: true });
    writeFileSync(
      recordPath,
      this.#runs.map(({ id, name, told }) => [id, name, ...(told === undefined ? [] : [told])].join('\t')).join('\n'),
    );
  }
}

function failed(code: number, tail: string): RunResult {
  return { code, output: Buffer.alloc(0), tail };
}

function describe(id: string, { code, output, tail }: RunResult): string {
  const sha256 = createHash('sha256').update(output).digest('hex');
  const words = `code=${code} size=${output.length} sha256=${sha256}`;
  return `RUN ${id} state=exited ${words} tail=${Buffer.from(tail).subarray(-tailLimit).toString('base64')}`;
}
