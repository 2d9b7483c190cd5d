import { z } from 'zod';
import { DatabaseEngine } from '../../../crds/database.ts';
import { Duration } from '../../../crds/duration.ts';
import { DnsLabel, EnvName, EnvText, PortNumber, SingleLine } from '../../../crds/names.ts';
import { ByteQuantity, CpuQuantity } from '../../../crds/quantity.ts';
import { BuildSettings, ImageReference, Port, VolumeMount } from '../../../crds/workload.ts';
import { DatabasePart, onlyReference, referencesIn, type Reference } from './references.ts';
import { TemplateVariable } from './template-variable.ts';

export const TemplateCategory = z.enum([
  'ai',
  'analytics',
  'automation',
  'communication',
  'content',
  'database',
  'development',
  'media',
  'monitoring',
  'productivity',
  'security',
  'starter',
  'storage',
  'utilities',
]);
export type TemplateCategory = z.output<typeof TemplateCategory>;

const PinnedImage = ImageReference.refine(
  (image) => /[:@][^/]+$/.test(image) && !image.endsWith(':latest'),
  'must name a version: what "latest" is changes unasked',
);

const TemplateService = z.strictObject({
  type: z.enum(['web', 'worker']).default('web'),
  image: PinnedImage.optional(),
  git: z
    .strictObject({ repository: z.string(), branch: z.string(), builder: BuildSettings.shape.builder.unwrap() })
    .optional(),
  startCommand: BuildSettings.shape.startCommand,
  port: PortNumber,
  portName: DnsLabel.max(15).default('http'),
  extraPorts: z.array(Port).max(8).default([]),
  /** Without a path the port alone is looked at. */
  healthCheck: z
    .strictObject({ path: z.string().startsWith('/').max(256).optional(), startPeriod: Duration.default('1m') })
    .prefault({}),
  resources: z.strictObject({ cpu: CpuQuantity, memory: ByteQuantity, storage: ByteQuantity }),
  volumes: z.array(VolumeMount).max(8).default([]),
  /** Values may refer to variables. What refers to one without a value is left out; what refers to a secret one is secret. */
  env: z.record(EnvName, EnvText).default({}),
});
export type TemplateService = z.output<typeof TemplateService>;

/** One entry of the catalogue: a Service or a Database, and what has to be chosen for it. */
export const Template = z
  .strictObject({
    id: DnsLabel,
    name: SingleLine.min(1).max(64),
    description: SingleLine.min(1).max(256),
    category: TemplateCategory,
    website: z.url({ protocol: /^https$/ }).optional(),
    /** An https URL, or a data URL. */
    logo: z
      .string()
      .max(16_384)
      .regex(/^(https:\/\/|data:image\/)/, 'must be an https or data URL')
      .optional(),
    service: TemplateService.optional(),
    database: z.strictObject({ engine: DatabaseEngine }).optional(),
    variables: z.array(TemplateVariable).max(32).default([]),
  })
  .superRefine((template, context) => {
    const problem = (path: PropertyKey[], message: string) =>
      context.addIssue({ code: 'custom', path, message, input: template });
    const { service, database, variables, category } = template;
    if ((service === undefined) === (database === undefined))
      problem([], 'must have exactly one of service and database');
    if ((category === 'database') !== (database !== undefined))
      problem(['category'], 'is database for a database only');
    if (service && (service.image === undefined) === (service.git === undefined))
      problem(['service'], 'must have exactly one of image and git');
    const known = new Map(variables.map((variable) => [variable.key, variable]));
    if (known.size < variables.length) problem(['variables'], 'must not have a key twice');

    const used = new Set<string>();
    for (const [path, text] of textsOf(service)) {
      if (text.replace(/\$\{[A-Z][A-Z0-9_]*(\.[a-z]+)?\}/g, '').includes('${'))
        problem(path, 'has a reference that is malformed');
      for (const reference of referencesIn(text)) {
        used.add(reference.key);
        const message = referenceProblem(reference, known.get(reference.key), onlyReference(text) !== undefined);
        if (message !== undefined) problem(path, message);
      }
    }
    variables.forEach(({ key }, index) => {
      if (!used.has(key)) problem(['variables', index, 'key'], 'is used nowhere');
    });
  });
export type Template = z.output<typeof Template>;

function textsOf(service: TemplateService | undefined): [PropertyKey[], string][] {
  if (!service) return [];
  const env = Object.entries(service.env).map(([name, text]): [PropertyKey[], string] => [
    ['service', 'env', name],
    text,
  ]);
  const { git } = service;
  if (!git) return env;
  return [...env, [['service', 'git', 'repository'], git.repository], [['service', 'git', 'branch'], git.branch]];
}

function referenceProblem(
  { key, part }: Reference,
  variable: TemplateVariable | undefined,
  alone: boolean,
): string | undefined {
  if (!variable) return `refers to ${key}, which is no variable of this template`;
  if (variable.type !== 'database') return part === undefined ? undefined : `must refer to ${key} without ".${part}"`;
  if (!DatabasePart.safeParse(part).success) {
    return `must refer to ${key} with one of ${DatabasePart.options.map((name) => `".${name}"`).join(', ')}`;
  }
  return alone ? undefined : `must be nothing but the reference to ${key}`;
}
