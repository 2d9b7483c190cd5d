import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import type { BuildRequest } from './client.ts';
import { DockerFault } from './fault.ts';
import { checkReference } from './image-reference.ts';

/**
 * How the docker program is called for a build: each value in an argument of its own behind "=", so that it is no option
 * whatever it begins with. Secrets go through variables with names of ours: those that people choose may mean something to the
 * program. Throws invalid for a secret whose id is not one. Pure.
 */
export function buildxArguments(
  request: BuildRequest,
  imageIdFile: string,
): { args: string[]; env: Record<string, string> } {
  const { contextDir, dockerfile, tag, args, labels, platform, noCache, target, buildkit } = request;
  const secrets = Object.entries(buildkit?.secrets ?? {});
  const frontend = buildkit?.frontend;
  const file = frontend === undefined ? resolve(contextDir, dockerfile.replace(/^\/+/, '')) : dockerfile;
  return {
    args: [
      'buildx',
      'build',
      '--progress=plain',
      '--load',
      '--provenance=false',
      `--iidfile=${imageIdFile}`,
      `--platform=${platform}`,
      `--tag=${checkReference(tag)}`,
      `--file=${file}`,
      ...(noCache === true ? ['--no-cache'] : []),
      ...(target === undefined ? [] : [`--target=${target}`]),
      ...(frontend === undefined ? [] : [`--build-arg=BUILDKIT_SYNTAX=${checkReference(frontend)}`]),
      // The frontend of Railpack does not see values; it is told when they change.
      ...(frontend === undefined ? [] : [`--build-arg=secrets-hash=${digestOf(secrets)}`]),
      ...Object.entries(args).map(([name, value]) => `--build-arg=${name}=${value}`),
      ...Object.entries(labels).map(([name, value]) => `--label=${name}=${value}`),
      ...secrets.map(([id], index) => `--secret=id=${checkId(id)},env=${variable(index)}`),
      '--',
      contextDir,
    ],
    env: Object.fromEntries(secrets.map(([, value], index) => [variable(index), value])),
  };
}

function variable(index: number): string {
  return `CONTAINR_BUILD_SECRET_${index}`;
}

/** It stands in a list with commas. */
function checkId(id: string): string {
  if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(id)) return id;
  throw new DockerFault('invalid', `"${id.slice(0, 100)}" is no name of a build secret. Use letters, digits and "_".`);
}

function digestOf(secrets: readonly (readonly [string, string])[]): string {
  return createHash('sha256').update(JSON.stringify(secrets.toSorted())).digest('hex');
}
