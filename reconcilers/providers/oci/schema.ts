import { z } from 'zod';
import { Digest } from './artifact.ts';

// What images say of themselves, as far as it is used here: OCI image layouts and what `docker save` adds to or puts in
// the place of one.

export const Descriptor = z.object({
  mediaType: z.string().default(''),
  digest: Digest,
  platform: z.object({ architecture: z.string(), os: z.string() }).nullish(),
  annotations: z.record(z.string(), z.string()).nullish(),
});
export type Descriptor = z.output<typeof Descriptor>;

export const ImageIndex = z.object({ manifests: z.array(Descriptor) });

/** Told from an index by what it has, for the media type is optional. */
export const ImageManifest = z.object({ config: Descriptor, layers: z.array(Descriptor) });

export const DockerManifests = z.array(z.object({ Config: z.string(), Layers: z.array(z.string()) }));

const Texts = z
  .array(z.string())
  .nullish()
  .transform((texts) => texts ?? []);
const Text = z
  .string()
  .nullish()
  .transform((text) => text ?? '');

const ProcessConfig = z.object({
  Entrypoint: Texts,
  Cmd: Texts,
  Env: Texts,
  WorkingDir: Text,
  User: Text,
  StopSignal: Text,
  ExposedPorts: z
    .record(z.string(), z.unknown())
    .nullish()
    .transform((ports) => Object.keys(ports ?? {})),
});

export const ImageConfig = z.object({
  architecture: z.string(),
  os: z.string(),
  variant: z.string().optional(),
  config: ProcessConfig.nullish().transform((config) => config ?? ProcessConfig.parse({})),
  rootfs: z.object({ diff_ids: z.array(Digest) }),
});
export type ImageConfig = z.output<typeof ImageConfig>;
