import type { Service } from '../../crds/service.ts';

/** What the schema knows and this version does not carry out yet: said plainly, instead of half done. Pure. */
export function unsupportedIn({ runtime }: Service['spec']): string | undefined {
  return runtime === 'vm' ? 'spec.runtime "vm" is not carried out; use lxc.' : undefined;
}
