import type { EnvVar } from '../../../crds/workload.ts';
import { DatabasePart, fillIn, onlyReference, referencesIn } from './references.ts';
import type { TemplateService } from './template.ts';
import type { TemplateVariable } from './template-variable.ts';

interface RenderOptions {
  displayName: string;
  /** The Secret that will hold what is secret; its keys are the names of the environment variables. */
  secretName: string;
  variables: readonly TemplateVariable[];
  /** Of every variable that has one; for databases the names of the objects. */
  values: ReadonlyMap<string, string>;
  region?: string | undefined;
}

/** What a template becomes: the spec of a Service as people would write it, and the values that belong into its Secret. */
export interface RenderedService {
  spec: object;
  secrets: Record<string, string>;
}

/** Fills in a template. Pure; nothing secret is in the spec. */
export function renderService(service: TemplateService, options: RenderOptions): RenderedService {
  const { values, displayName, region } = options;
  const { type, image, git, startCommand, port, portName, extraPorts, healthCheck, resources, volumes } = service;
  const valueOf = (key: string): string | undefined => values.get(key);
  const source = git
    ? { type: 'git', repository: fillIn(git.repository, valueOf), branch: fillIn(git.branch, valueOf) }
    : { type: 'image', image };
  const { path, startPeriod } = healthCheck;
  const { env, secrets } = renderEnv(service.env, options);
  const spec = {
    displayName,
    type,
    source,
    build: { builder: git?.builder ?? 'image', ...(startCommand !== undefined && { startCommand }) },
    ...(region !== undefined && { region }),
    resources,
    ports: [{ name: portName, port }, ...extraPorts],
    env,
    healthCheck: { ...(path === undefined ? { tcp: { port } } : { http: { path, port } }), startPeriod },
    volumes,
  };
  return { spec, secrets };
}

function renderEnv(
  env: Readonly<Record<string, string>>,
  { variables, values, secretName }: RenderOptions,
): { env: EnvVar[]; secrets: Record<string, string> } {
  const secretKeys = new Set(variables.filter(({ secret }) => secret).map(({ key }) => key));
  const databaseKeys = new Set(variables.filter(({ type }) => type === 'database').map(({ key }) => key));
  const list: EnvVar[] = [];
  const secrets: Record<string, string> = {};
  for (const [name, text] of Object.entries(env)) {
    const keys = referencesIn(text).map(({ key }) => key);
    if (keys.some((key) => !values.has(key))) continue;
    const alone = onlyReference(text);
    const value = fillIn(text, (key) => values.get(key));
    if (alone && databaseKeys.has(alone.key)) {
      list.push({ name, valueFrom: { databaseRef: { name: value, key: DatabasePart.parse(alone.part) } } });
    } else if (keys.some((key) => secretKeys.has(key))) {
      secrets[name] = value;
      list.push({ name, valueFrom: { secretRef: { name: secretName, key: name } } });
    } else {
      list.push({ name, value });
    }
  }
  return { env: list, secrets };
}
