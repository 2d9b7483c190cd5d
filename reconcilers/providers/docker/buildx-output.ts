import { DockerFault } from './fault.ts';
import { faultFromText, meaningOf } from './refusals.ts';

/** Follows what the docker program prints while BuildKit builds. */
export interface BuildxOutput {
  add(line: string): void;
  /** How the build failed, by what was printed. */
  failure(): DockerFault;
}

const keptLines = 20;

/** Lines go to `onLog`; of the steps that the plan counts, the share that was begun goes to `onProgress`, never a smaller one. */
export function createBuildxOutput(onLog: (line: string) => void, onProgress: (percent: number) => void): BuildxOutput {
  const steps = new Map<string, string>();
  const printed: string[] = [];
  let reported = -1;
  let error: { step: string | undefined; text: string } | undefined;

  return {
    add(line) {
      onLog(line);
      const [, number = '', said = ''] = /^#(\d+) (.*)$/.exec(line) ?? [];
      const counted = /^\[(?:[^\]]*\s)?(\d+)\/(\d+)\] /.exec(said);
      if (counted) {
        steps.set(number, said);
        const percent = Math.floor(((Number(counted[1]) - 1) / Number(counted[2])) * 100);
        if (percent > reported) onProgress((reported = percent));
      } else if (said.startsWith('ERROR: ')) error = { step: steps.get(number), text: said.slice('ERROR: '.length) };
      else if (line.startsWith('ERROR: ')) error ??= { step: undefined, text: line.slice('ERROR: '.length) };
      else if (/^\d+\.\d+ /.test(said)) {
        printed.push(said.replace(/^\d+\.\d+ /, ''));
        if (printed.length > keptLines) printed.shift();
      }
    },
    failure() {
      const text = error?.text ?? 'BuildKit ended without a word.';
      const what = error?.step === undefined ? 'The build failed' : `${error.step.slice(0, 200)} failed`;
      const isOwn = /did not complete successfully/.test(text) || meaningOf(text) === undefined;
      if (!isOwn) return faultFromText(what, text, 'buildFailed');
      const last = printed.findLast((line) => line.trim() !== '');
      const said = last === undefined ? '' : ` It last said: ${last.slice(0, 200)}`;
      return new DockerFault('buildFailed', `${what}: ${text.slice(0, 300)}.${said}`, {
        step: error?.step,
        lines: printed,
      });
    },
  };
}
