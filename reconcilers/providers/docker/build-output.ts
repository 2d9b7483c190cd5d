import { DockerFault } from './fault.ts';
import { createLogLines } from './log-lines.ts';
import { faultFromText, meaningOf } from './refusals.ts';
import type { ProgressMessage } from './schema.ts';

/** Follows what an engine says while it builds. */
export interface BuildOutput {
  /** Throws how the build failed. */
  add(message: ProgressMessage): void;
  /** The last line may have no end. */
  end(): void;
  imageId(): string | undefined;
}

const keptLines = 20;

/** Lines go to `onLog`, per cent of the steps begun to `onProgress`. */
export function createBuildOutput(onLog: (line: string) => void, onProgress: (percent: number) => void): BuildOutput {
  let step: string | undefined;
  let printed: string[] = [];
  let imageId: string | undefined;

  const lines = createLogLines((line) => {
    onLog(line);
    const begun = /^Step (\d+)\/(\d+) : /.exec(line);
    if (begun) {
      step = line;
      printed = [];
      onProgress(Math.floor(((Number(begun[1]) - 1) / Number(begun[2])) * 100));
    } else if (!/^( ---> |Removing intermediate container )/.test(line)) printed = [...printed, line].slice(-keptLines);
  });

  return {
    add(message) {
      if (message.stream !== undefined) lines.add(message.stream);
      else if (message.status !== undefined) addStatus(message, onLog);
      if (message.aux?.ID !== undefined) imageId = message.aux.ID;
      if (message.error === undefined) return;
      lines.end();
      onLog(message.error);
      throw failure(step, printed, message);
    },
    end: () => lines.end(),
    imageId: () => imageId,
  };
}

/** Says a status of a pull once; how many bytes of it came is news several times a second. */
export function addStatus({ status, id, progressDetail }: ProgressMessage, onLog: (line: string) => void): void {
  if (status === undefined || progressDetail?.total !== undefined) return;
  createLogLines(onLog).add(`${id === undefined ? '' : `${id}: `}${status}\n`);
}

function failure(step: string | undefined, printed: readonly string[], message: ProgressMessage): DockerFault {
  const text = message.errorDetail?.message ?? message.error ?? '';
  const what = step === undefined ? 'The build failed' : `${step.slice(0, 200)} failed`;
  // A program that ended with an error is the build's own matter, whatever words it is made of.
  const isOwn = message.errorDetail?.code !== undefined || meaningOf(text) === undefined;
  if (!isOwn) return faultFromText(what, text, 'buildFailed');
  const last = printed.findLast((line) => line.trim() !== '');
  const said = last === undefined ? '' : ` It last said: ${last.slice(0, 200)}`;
  return new DockerFault('buildFailed', `${what}: ${text.slice(0, 300)}.${said}`, { step, lines: printed });
}
