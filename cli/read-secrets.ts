import { readFileSync } from 'node:fs';
import { CliError } from './exit.ts';

/**
 * One answer for each question: asked for at a terminal, which does not show what is typed, else the lines of standard
 * input. Secrets are never arguments: those are seen by everybody on the machine. Usage error when there are too few.
 */
export async function readSecrets(questions: readonly string[]): Promise<string[]> {
  const answers: string[] = [];
  if (process.stdin.isTTY) {
    for (const question of questions) answers.push(await ask(question));
    return answers;
  }
  const lines = readFileSync(0, 'utf8').split(/\r?\n/);
  questions.forEach((question, index) => {
    const line = lines[index] ?? '';
    if (line === '') throw new CliError('usage', `Standard input has no line ${index + 1}, the ${question}.`);
    answers.push(line);
  });
  return answers;
}

const BACKSPACES = new Set(['\u007f', '\b']);

async function ask(question: string): Promise<string> {
  const { stdin, stderr } = process;
  stderr.write(`${question[0]?.toUpperCase() ?? ''}${question.slice(1)}: `);
  stdin.setRawMode(true);
  stdin.setEncoding('utf8');
  try {
    return await typedLine(stdin);
  } finally {
    stdin.setRawMode(false);
    stdin.pause();
    stderr.write('\n');
  }
}

function typedLine(stdin: NodeJS.ReadStream): Promise<string> {
  return new Promise((resolve, reject) => {
    const typed: string[] = [];
    const end = (settle: () => void): void => {
      stdin.off('data', take);
      settle();
    };
    function take(text: string): void {
      for (const letter of text) {
        if (letter === '\r' || letter === '\n') return end(() => resolve(typed.join('')));
        if (letter === '\u0003' || letter === '\u0004')
          return end(() => reject(new CliError('usage', 'Nothing was entered.')));
        if (BACKSPACES.has(letter)) typed.pop();
        else typed.push(letter);
      }
    }
    stdin.on('data', take);
    stdin.resume();
  });
}
