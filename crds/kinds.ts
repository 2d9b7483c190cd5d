import { Backup, Restore } from './backup.ts';
import { Build } from './build.ts';
import { Builder } from './builder.ts';
import { Database } from './database.ts';
import type { Kind, Resource } from './define-kind.ts';
import { Deployment } from './deployment.ts';
import { Event } from './event.ts';
import { GitProvider } from './git-provider.ts';
import { Guest } from './guest.ts';
import { Job } from './job.ts';
import { Project } from './project.ts';
import { Proxy } from './proxy.ts';
import { ProxmoxCluster } from './proxmox-cluster.ts';
import { RepoSync } from './repo-sync.ts';
import { Route } from './route.ts';
import { Secret } from './secret.ts';
import { Service } from './service.ts';
import { Volume } from './volume.ts';

/** What code needs that serves every kind alike, whatever its spec. */
export type AnyKind = Omit<Kind, 'read' | 'parseManifest'> & {
  read(stored: unknown): Resource;
  parseManifest: Kind['parseManifest'];
};

/** Every kind of this version, in the order in which a set of manifests is applied. */
export const allKinds: readonly AnyKind[] = [
  Project,
  Secret,
  ProxmoxCluster,
  Builder,
  Proxy,
  GitProvider,
  Volume,
  Database,
  Service,
  Build,
  Deployment,
  Job,
  Route,
  Guest,
  Backup,
  Restore,
  RepoSync,
  Event,
];

/** By its name, plural, singular or short name, in any case. */
export function findKind(name: string): AnyKind | undefined {
  const wanted = name.toLowerCase();
  return allKinds.find(
    (kind) =>
      kind.kind.toLowerCase() === wanted || kind.plural === wanted || kind.shortNames.some((short) => short === wanted),
  );
}
