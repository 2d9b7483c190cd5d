import type { Call } from './call.ts';

/** A call found for a request, with the parameters in its path. */
export interface Route {
  call: Call;
  uri: Record<string, string>;
}

/** Finds calls by method and path. */
export class Router {
  readonly #calls: ReadonlyArray<{ call: Call; segments: string[] }>;

  constructor(calls: readonly Call[]) {
    this.#calls = calls.map((call) => ({ call, segments: split(call.path) }));
  }

  /** Undefined for what is not served. The path is decoded, without /api2/json. */
  find(method: string, path: string): Route | undefined {
    const parts = split(path);
    for (const { call, segments } of this.#calls) {
      if (call.method !== method) continue;
      const uri = match(segments, parts);
      if (uri) return { call, uri };
    }
    return undefined;
  }
}

function match(segments: readonly string[], parts: readonly string[]): Record<string, string> | undefined {
  const takesRest = segments.at(-1) === '{volume}';
  if (takesRest ? parts.length < segments.length : parts.length !== segments.length) return undefined;
  const uri: Record<string, string> = {};
  for (const [index, segment] of segments.entries()) {
    const part = parts[index] ?? '';
    if (!segment.startsWith('{')) {
      if (segment !== part) return undefined;
    } else {
      uri[segment.slice(1, -1)] = segment === '{volume}' ? parts.slice(index).join('/') : part;
    }
  }
  return uri;
}

function split(path: string): string[] {
  return path.split('/').filter((part) => part !== '');
}
