import { Readable } from 'node:stream';
import { beforeEach, describe, expect, it } from 'vitest';
import { createBuildOutput, type BuildOutput } from './build-output.ts';
import { readProgress } from './progress-stream.ts';

let lines: string[];
let percents: number[];
let output: BuildOutput;
beforeEach(() => {
  lines = [];
  percents = [];
  output = createBuildOutput(
    (line) => lines.push(line),
    (percent) => percents.push(percent),
  );
});

const failure = {
  error: 'broken',
  errorDetail: { code: 2, message: "The command 'make' returned a non-zero code: 2" },
};

describe('createBuildOutput', () => {
  it('passes lines on and counts the steps', () => {
    for (const stream of ['Step 1/4 : FROM scratch\n', ' ---> \n', 'Step 2/4 : COPY a', ' /\n']) output.add({ stream });
    output.add({ aux: { ID: 'sha256:1' } });
    output.end();
    expect(lines).toEqual(['Step 1/4 : FROM scratch', ' ---> ', 'Step 2/4 : COPY a /']);
    expect(percents).toEqual([0, 25]);
    expect(output.imageId()).toBe('sha256:1');
  });

  it('says which step failed, and what it printed last', () => {
    for (const stream of [
      'Step 1/2 : FROM x\n',
      'old\n',
      'Step 2/2 : RUN make\n',
      ' ---> Running in 1\n',
      'no rule\n',
      '\n',
    ]) {
      output.add({ stream });
    }
    expect(() => output.add(failure)).toThrow(
      expect.objectContaining({
        meaning: 'buildFailed',
        code: 'Invalid',
        step: 'Step 2/2 : RUN make',
        lines: ['no rule', ''],
        message: "Step 2/2 : RUN make failed: The command 'make' returned a non-zero code: 2. It last said: no rule",
      }),
    );
    expect(lines.at(-1)).toBe('broken');
  });

  it.each([
    ['pull access denied for x, repository does not exist or may require login', 'imageNotFound'],
    ['manifest for x:1 not found: manifest unknown', 'imageNotFound'],
    ['unauthorized: authentication required', 'denied'],
    ['dial tcp: lookup registry.example.com: no such host', 'unreachable'],
    ['write /x: no space left on device', 'noSpace'],
    ['COPY failed: file not found in build context: stat gone: file does not exist', 'buildFailed'],
  ])('reads "%s" as %s', (text, meaning) => {
    output.add({ stream: 'Step 1/2 : FROM x\n' });
    expect(() => output.add({ error: text })).toThrow(expect.objectContaining({ meaning }));
  });

  it('reads nothing into the words of a command that failed', () => {
    const message = "The command 'echo no space left on device; exit 1' returned a non-zero code: 1";
    expect(() => output.add({ error: message, errorDetail: { code: 1, message } })).toThrow(
      expect.objectContaining({ meaning: 'buildFailed' }),
    );
  });
});

describe('readProgress', () => {
  it('reads objects however they are cut, and passes over what is none', async () => {
    const text = '{"stream":"ü"}\r\n{"half\n\n[1]\n{"status":"x","progressDetail":{}}';
    const chunks = [...Buffer.from(text)].map((byte) => Buffer.from([byte]));
    const messages = await Readable.from(readProgress(Readable.from(chunks))).toArray();
    expect(messages).toEqual([{ stream: 'ü' }, { status: 'x', progressDetail: {} }]);
  });

  it('gives up on a message without end', async () => {
    const endless = Readable.from(Array.from({ length: 10 }, () => Buffer.alloc(1024 ** 2, 'x')));
    await expect(Readable.from(readProgress(endless)).toArray()).rejects.toMatchObject({ meaning: 'unreachable' });
  });
});
