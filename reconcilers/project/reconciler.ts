import { Backup, Restore } from '../../crds/backup.ts';
import { Build } from '../../crds/build.ts';
import { Database } from '../../crds/database.ts';
import type { Kind, Resource } from '../../crds/define-kind.ts';
import { Deployment } from '../../crds/deployment.ts';
import { Guest } from '../../crds/guest.ts';
import { Job } from '../../crds/job.ts';
import { Project } from '../../crds/project.ts';
import { RepoSync } from '../../crds/repo-sync.ts';
import { Route } from '../../crds/route.ts';
import { Secret } from '../../crds/secret.ts';
import { Service } from '../../crds/service.ts';
import { Volume } from '../../crds/volume.ts';
import { isFault } from '../../controller/errors.ts';
import { settled, waiting } from '../../controller/outcome.ts';
import { watching, type Reconciler, type ResourceReader, type Resources } from '../../controller/reconciler.ts';
import { troubleOf } from '../shared/trouble.ts';
import { reportProject, usageOf } from './report.ts';

/**
 * What goes with a project, first to last: nothing goes before what depends on it, or would make it anew. What is protected, or
 * to be retained, decides that itself.
 */
const contents: readonly Kind[] = [
  RepoSync,
  Restore,
  Service,
  Deployment,
  Job,
  Route,
  Database,
  Guest,
  Volume,
  Backup,
  Build,
  Secret,
];

/** Owns a namespace: counts what is used in it, and empties it in order before it goes. */
export function projectReconciler({ read, write }: Resources): Reconciler<Project> {
  /** What is counted are objects and what they ask for; how they fare is no news here. */
  const inNamespace = ({ metadata }: Resource, _: ResourceReader, previous?: Resource): { name: string }[] => {
    const isNews = previous?.metadata.generation !== metadata.generation || metadata.deletionTimestamp !== undefined;
    return metadata.namespace === undefined || !isNews ? [] : [{ name: metadata.namespace }];
  };

  return {
    kind: Project,
    // A namespace that fills would be counted once for each object.
    gathers: { forMs: 1_000 },
    watches: [
      watching(RepoSync, inNamespace),
      watching(Service, inNamespace),
      watching(Guest, inNamespace),
      watching(Build, inNamespace),
      watching(Database, inNamespace),
      watching(Volume, inNamespace),
      watching(Backup, inNamespace),
      watching(Restore, inNamespace),
      watching(Job, inNamespace),
      watching(Route, inNamespace),
      watching(Secret, inNamespace),
    ],

    async reconcile(pass) {
      const { name } = pass.resource.metadata;
      pass.status = reportProject(
        pass.resource,
        pass.status,
        usageOf(read.list(Service, name).length, read.list(Guest, name)),
        pass.now,
      );
      return settled();
    },

    async finalize(pass) {
      const { name } = pass.resource.metadata;
      for (const kind of contents) {
        const objects = read.list(kind, name);
        for (const object of objects) await deleteOnce(kind, object);
        const held = objects.map(troubleOf).find((trouble) => trouble !== undefined);
        const why = held ? ` ${held.message}` : '';
        if (objects.length > 0)
          return waiting('WaitingForChildren', `Waiting for the ${kind.plural} of the project to go.${why}`, 5_000);
      }
      return settled();
    },
  };

  async function deleteOnce(kind: Kind, object: Resource): Promise<void> {
    if (object.metadata.deletionTimestamp !== undefined) return;
    await write.delete(kind, object).catch((error: unknown) => {
      if (!isFault(error, 'NotFound')) throw error;
    });
  }
}
