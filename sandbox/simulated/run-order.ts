import type { Socket } from 'node:net';
import type { SupervisorRuns } from './supervisor-runs.ts';

/** An order about a run, as the supervisor's protocol has it. */
export interface RunOrder {
  order: 'RUN' | 'READ' | 'WRITE';
  id: string;
  name: string;
}

/** Reads the line of an order; undefined when it is none. */
export function readRunOrder(line: string): RunOrder | undefined {
  const [, order, id = '', name = ''] = /^(RUN|READ|WRITE) ([A-Za-z0-9-]{1,64}) (\S{1,63})$/.exec(line) ?? [];
  return order === 'RUN' || order === 'READ' || order === 'WRITE' ? { order, id, name } : undefined;
}

/**
 * Answers an order. `input` gives the content of the chunks that follow a WRITE, and fails when they do not come whole: then
 * nothing is run and the run stays without an end.
 */
export async function answerRunOrder(
  { order, id, name }: RunOrder,
  runs: SupervisorRuns,
  socket: Socket,
  input: () => Promise<Buffer>,
): Promise<void> {
  const asked = runs.ask(id, name);
  if ('line' in asked) return void socket.write(`${asked.line}\n`);
  if (order === 'RUN') {
    socket.write(`RUN ${id} state=running\n`);
    await runs.carryOut(id, asked.program);
    return;
  }
  socket.write(`STREAM ${id}\n`);
  if (order === 'WRITE') {
    const { line } = await runs.carryOut(id, asked.program, { input: await input() });
    socket.end(`${line}\n`);
    return;
  }
  const { output, line } = await runs.carryOut(id, asked.program, { isRead: true });
  if (output.length > 0) socket.write(Buffer.concat([Buffer.from(`${output.length}\n`), output]));
  socket.end(`0\n${line}\n`);
}

/** The content of the chunks at the beginning of `text` (latin1): undefined while the last is still to come. */
export function readChunks(text: string): Buffer | undefined {
  const chunks: string[] = [];
  for (let at = 0; ;) {
    const end = text.indexOf('\n', at);
    if (end < 0) return undefined;
    const size = Number(text.slice(at, end));
    if (size === 0) return Buffer.from(chunks.join(''), 'latin1');
    if (text.length < end + 1 + size) return undefined;
    chunks.push(text.slice(end + 1, end + 1 + size));
    at = end + 1 + size;
  }
}
