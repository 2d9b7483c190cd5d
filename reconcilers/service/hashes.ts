import { buildInputsOf, guestInputsOf } from '../../crds/revision-inputs.ts';
import type { Service } from '../../crds/service.ts';
import { stableHash } from '../shared/stable-hash.ts';

/** Changes when a new image has to be built: the source, how it is built, or a restart asked for. */
export function buildHashOf(spec: Service['spec']): string {
  return stableHash(buildInputsOf(spec));
}

/**
 * Changes when new guests are needed. Replicas, domains, suspension and the size of volumes are carried out on what is
 * there; how to roll out counts from the next revision on.
 */
export function templateHashOf(spec: Service['spec']): string {
  return stableHash({ build: buildHashOf(spec), ...guestInputsOf(spec) });
}
