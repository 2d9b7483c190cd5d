import { z } from 'zod';

const Strings = z.array(z.string()).nullish();
const Flags = z.record(z.string(), z.unknown()).nullish();

/** How a container of an image is run. The spelling is that of the image format. */
export const RunConfig = z.looseObject({
  User: z.string().nullish(),
  ExposedPorts: Flags,
  Env: Strings,
  Cmd: Strings,
  Entrypoint: Strings,
  Volumes: Flags,
  WorkingDir: z.string().nullish(),
  Labels: z.record(z.string(), z.string()).nullish(),
  StopSignal: z.string().nullish(),
  Shell: Strings,
  OnBuild: Strings,
  Healthcheck: z
    .looseObject({
      Test: Strings,
      Interval: z.int().optional(),
      Timeout: z.int().optional(),
      StartPeriod: z.int().optional(),
      Retries: z.int().optional(),
    })
    .nullish(),
});
export type RunConfig = z.output<typeof RunConfig>;

const HistoryEntry = z.looseObject({
  created: z.string().optional(),
  created_by: z.string().optional(),
  empty_layer: z.boolean().optional(),
});
export type HistoryEntry = z.output<typeof HistoryEntry>;

/** The configuration blob of an image; its digest is the image's id. */
export const ImageConfig = z.looseObject({
  architecture: z.string().default(''),
  os: z.string().default('linux'),
  created: z.string().default('1970-01-01T00:00:00Z'),
  author: z.string().optional(),
  config: RunConfig.nullish().transform((config) => config ?? {}),
  rootfs: z.object({ type: z.literal('layers'), diff_ids: z.array(z.string()).nullish() }),
  history: z.array(HistoryEntry).nullish(),
});
export type ImageConfig = z.output<typeof ImageConfig>;

/** What Docker adds where an image has no PATH. */
export const defaultPath = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
