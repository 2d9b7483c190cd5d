import type { Service } from '../../crds/service.ts';

/** What the schema knows and this version does not carry out yet: said plainly, instead of half done. Pure. */
export function unsupportedIn({ runtime, build }: Service['spec']): string | undefined {
  if (runtime === 'vm') return 'spec.runtime "vm" is not carried out; use lxc.';
  return unsupportedBuild(build);
}

/** Ways to build that are not carried out yet. */
function unsupportedBuild({ builder, buildCommand }: Service['spec']['build']): string | undefined {
  if (builder === 'railpack' || builder === 'nixpacks')
    return `spec.build.builder "${builder}" is not carried out yet; use a Dockerfile.`;
  if (buildCommand !== undefined)
    return 'spec.build.buildCommand is not carried out yet; put the command into the Dockerfile.';
  return undefined;
}
