import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { DockerFault } from './fault.ts';
import { ProgressMessage } from './schema.ts';

const maxMessageLength = 4 * 1024 * 1024;

/** The messages of a build or a pull: JSON objects, one a line. What is none is passed over. */
export async function* readProgress(stream: Readable): AsyncGenerator<ProgressMessage> {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  for await (const chunk of stream) {
    rest += decoder.write(chunk);
    const lines = rest.split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > maxMessageLength) throw new DockerFault('unreachable', 'The engine sent a message without end.');
    for (const line of lines) yield* readMessage(line);
  }
  yield* readMessage(rest);
}

function* readMessage(line: string): Generator<ProgressMessage> {
  if (line.trim() === '') return;
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return;
  }
  const message = ProgressMessage.safeParse(value);
  if (message.success) yield message.data;
}
