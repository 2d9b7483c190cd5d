import { Build } from './build.ts';
import { Builder } from './builder.ts';
import type { Kind, Resource } from './define-kind.ts';
import { Deployment } from './deployment.ts';
import { Event } from './event.ts';
import { Guest } from './guest.ts';
import { Project } from './project.ts';
import { ProxmoxCluster } from './proxmox-cluster.ts';
import { Secret } from './secret.ts';
import { Service } from './service.ts';

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
  Service,
  Build,
  Deployment,
  Guest,
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
