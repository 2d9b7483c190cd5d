import { z } from 'zod';
import type { BuildRequest } from './build-image.ts';
import { DockerError } from './docker-error.ts';

const Texts = z.record(z.string(), z.string().nullable());

/** Reads the query of POST /build. Throws DockerError for what Docker refuses, and for what this builder cannot do. */
export function readBuildQuery(query: URLSearchParams): Omit<BuildRequest, 'context'> {
  if (query.get('version') === '2') {
    throw new DockerError(
      400,
      'this builder has no BuildKit; build with version=1 (DOCKER_BUILDKIT=0), or install Docker',
    );
  }
  if (query.get('remote')) throw new DockerError(400, 'this builder takes no remote contexts; send the files');
  return {
    dockerfile: query.get('dockerfile') || 'Dockerfile',
    tags: query.getAll('t').filter((tag) => tag !== ''),
    args: withoutNulls(readTexts(query, 'buildargs', 'build args')),
    labels: withoutNulls(readTexts(query, 'labels', 'labels')),
    noCache: isSet(query, 'nocache'),
    pull: isSet(query, 'pull'),
    target: query.get('target') || undefined,
    architecture: query.get('platform')?.split('/')[1] || hostArchitecture(),
  };
}

/** Of this machine, as images say it. */
export function hostArchitecture(): string {
  return process.arch === 'x64' ? 'amd64' : process.arch;
}

/** What Go's parser of truth values takes for true, and anything else that is not empty, as Docker has it. */
export function isSet(query: URLSearchParams, name: string): boolean {
  return !['', '0', 'no', 'false', 'none'].includes((query.get(name) ?? '').trim().toLowerCase());
}

function readTexts(query: URLSearchParams, name: string, what: string): Record<string, string | null> {
  const text = query.get(name);
  if (text === null || text === '') return {};
  try {
    return Texts.parse(JSON.parse(text));
  } catch {
    throw new DockerError(400, `error reading ${what}: the value is no JSON object of texts`);
  }
}

/** A build argument without value is taken from the daemon's environment, which here has none. */
function withoutNulls(texts: Readonly<Record<string, string | null>>): Record<string, string> {
  return Object.fromEntries(Object.entries(texts).flatMap(([name, value]) => (value === null ? [] : [[name, value]])));
}
