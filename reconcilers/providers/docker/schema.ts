import { z } from 'zod';

// What a Docker engine says, as far as it is used here.

/** One message of the stream that a build or a pull answers with. */
export const ProgressMessage = z.object({
  stream: z.string().optional(),
  status: z.string().optional(),
  id: z.string().optional(),
  progressDetail: z.object({ current: z.number().optional(), total: z.number().optional() }).nullish(),
  aux: z.object({ ID: z.string().optional() }).nullish(),
  error: z.string().optional(),
  errorDetail: z.object({ code: z.number().optional(), message: z.string().optional() }).nullish(),
});
export type ProgressMessage = z.output<typeof ProgressMessage>;

export const VersionAnswer = z.object({ Version: z.string(), Arch: z.string(), Os: z.string() });

const Texts = z
  .array(z.string())
  .nullish()
  .transform((texts) => texts ?? []);
const Text = z
  .string()
  .nullish()
  .transform((text) => text ?? '');
const Labels = z
  .record(z.string(), z.string())
  .nullish()
  .transform((labels) => labels ?? {});

const ImageConfig = z.object({
  Entrypoint: Texts,
  Cmd: Texts,
  Env: Texts,
  WorkingDir: Text,
  User: Text,
  StopSignal: Text,
  ExposedPorts: z
    .record(z.string(), z.unknown())
    .nullish()
    .transform((ports) => Object.keys(ports ?? {}).toSorted()),
  Labels,
  Healthcheck: z.object({ Test: z.array(z.string()).nullish() }).nullish(),
});

export const InspectAnswer = z.object({
  Id: z.string(),
  Size: z.number().default(0),
  Architecture: Text,
  Os: Text,
  Config: ImageConfig.nullish().transform((config) => config ?? ImageConfig.parse({})),
  RepoDigests: Texts,
});
export type InspectAnswer = z.output<typeof InspectAnswer>;

export const ListAnswer = z.array(
  z.object({
    Id: z.string(),
    RepoTags: Texts,
    Labels,
    /** Unix time in seconds. */
    Created: z.number(),
    Size: z.number(),
  }),
);

/** How dockerode throws: an answer of the engine has a status code, everything else came from the connection. */
export const EngineError = z.object({
  message: z.string(),
  statusCode: z.number().optional(),
  json: z.object({ message: z.string() }).optional().catch(undefined),
});
