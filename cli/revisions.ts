import { childName } from '../crds/child-name.ts';
import { CliError } from './exit.ts';
import type { ApiObject } from './objects.ts';

/** One revision of a service, as far as the command needs it. */
export interface Revision {
  name: string;
  number: number;
  phase: string;
  /** Whether it served at any time. */
  served: boolean;
  object: ApiObject;
}

const SERVED = new Set(['Active', 'Draining', 'Superseded', 'RolledBack']);

/** The revisions of a service, newest first. */
export function revisionsOf(deployments: readonly ApiObject[]): Revision[] {
  return deployments
    .map((object) => {
      const phase = String(object.status?.['phase'] ?? 'Pending');
      const served = object.status?.['promoted'] === true || SERVED.has(phase);
      return { name: object.metadata.name, number: Number(object.spec?.['revision']), phase, served, object };
    })
    .sort((a, b) => b.number - a.number);
}

/**
 * The revision to go back to: the one asked for, else the newest before the current one that served and is made of something
 * else. Refuses with what there is when that is none.
 */
export function rollbackTarget(revisions: readonly Revision[], wanted: number | undefined): Revision {
  const [current, ...earlier] = revisions;
  if (!current) throw new CliError('notFound', 'The service has no revision yet.');
  if (wanted !== undefined) {
    const found = revisions.find(({ number }) => number === wanted);
    if (found) return found;
    const kept = revisions.map(({ number }) => number).join(', ');
    throw new CliError('notFound', `Revision ${wanted} is not kept. There are: ${kept}.`);
  }
  const before = earlier.find((revision) => revision.served && contentOf(revision) !== contentOf(current));
  if (before) return before;
  throw new CliError(
    'notFound',
    `There is no earlier revision than ${current.number} that served and differs from it.`,
  );
}

/** The Deployment that brings an earlier revision back, image and configuration together. */
export function rollbackManifest(revisions: readonly Revision[], target: Revision): ApiObject {
  const { object } = target;
  const number = Math.max(...revisions.map((revision) => revision.number)) + 1;
  const { labels, namespace, ownerReferences } = object.metadata;
  return {
    ...(object.apiVersion !== undefined && { apiVersion: object.apiVersion }),
    kind: object.kind,
    metadata: {
      name: childName(String(object.spec?.['service']), `r${number}`),
      ...(namespace !== undefined && { namespace }),
      ...(labels && { labels }),
      ...(ownerReferences && { ownerReferences }),
    },
    spec: { ...object.spec, revision: number, trigger: 'rollback', rollbackOf: target.name },
  };
}

function contentOf({ object: { spec } }: Revision): string {
  return JSON.stringify([spec?.['build'], spec?.['template']]);
}
