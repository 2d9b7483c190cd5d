import { buffer } from 'node:stream/consumers';
import { Readable } from 'node:stream';
import Docker from 'dockerode';
import { z } from 'zod';
import { packTar, type EntryFixture } from '../lxc/archive-fixture.ts';

/** What a call that may be refused ended with. */
export interface Refusal {
  status: number | undefined;
  message: string;
}

const DockerodeError = z.object({ statusCode: z.number().optional(), message: z.string() });
const Message = z.looseObject({
  stream: z.string().optional(),
  status: z.string().optional(),
  error: z.string().optional(),
  aux: z.object({ ID: z.string() }).optional(),
});
/** One line of the answer to a build. */
export type BuildMessage = z.output<typeof Message>;

/** Parameters of POST /build beside the context. */
export interface BuildOptions extends Docker.ImageBuildOptions {
  t?: string;
}

/** dockerode for a `tcp:` or `unix:` endpoint. */
export function connect(endpoint: string): Docker {
  const url = new URL(endpoint);
  return endpoint.startsWith('unix:')
    ? new Docker({ socketPath: url.pathname })
    : new Docker({ protocol: 'http', host: url.hostname, port: url.port });
}

/** Builds from files given by name, and returns every message of the answer. Throws what dockerode throws. */
export async function build(
  docker: Docker,
  files: Readonly<Record<string, string>> | readonly EntryFixture[],
  options: BuildOptions = {},
): Promise<BuildMessage[]> {
  const isList = (value: typeof files): value is readonly EntryFixture[] => Array.isArray(value);
  const entries = isList(files) ? files : Object.entries(files).map(([name, content]) => ({ name, content }));
  const context = Readable.from([await packTar(entries)]);
  return readMessages(await docker.buildImage(context, options));
}

/** Every message of a stream of JSON lines. */
export async function readMessages(stream: NodeJS.ReadableStream): Promise<BuildMessage[]> {
  const text = (await buffer(Readable.from(stream))).toString('utf8');
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => Message.parse(JSON.parse(line)));
}

/** The id of the image that a build made; throws with the build's own words when it made none. */
export function builtId(messages: readonly BuildMessage[]): string {
  const id = messages.findLast(({ aux }) => aux !== undefined)?.aux?.ID;
  const error = messages.find((message) => message.error !== undefined)?.error;
  if (id === undefined || error !== undefined) throw new Error(`the build failed: ${error}`);
  return id;
}

/** How a call was refused; throws when it was not. */
export async function refusal(call: Promise<unknown>): Promise<Refusal> {
  const error: unknown = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error === undefined) throw new Error('the call was not refused');
  const { statusCode, message } = DockerodeError.parse(error);
  return { status: statusCode, message: message.replace(/^\(HTTP code \d+\) [a-z ]+ - /, '').trim() };
}
