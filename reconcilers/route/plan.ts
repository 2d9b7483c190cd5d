import type { GuestFact, RevisionFact, RouteView } from './observe.ts';

/** A guest that takes requests. */
export interface Upstream {
  guest: string;
  address: string;
}

/** Who is to take new requests. */
export interface TrafficPlan {
  revision: number | undefined;
  upstreams: readonly Upstream[];
  /** False when these are only the last that were ready, kept for want of better ones. */
  ready: boolean;
}

/** What took the requests so far. */
interface Serving {
  revision?: number | undefined;
  upstreams: readonly Upstream[];
}

/**
 * The ready guests of the newest promoted revision take the requests; one that is not ready leaves at once. While that
 * revision has none ready the one before goes on, as long as the newer one has not served: traffic never goes back by
 * itself. When nothing at all is ready the last ready guests keep the requests as long as they run, because a check that
 * fails everywhere, or a Proxmox that does not answer, says little about whether they do: an answer, and be it a bad one, is
 * better than none. Pure.
 */
export function planTraffic({ revisions }: Pick<RouteView, 'revisions'>, serving: Serving): TrafficPlan {
  const hasServing = revisions.some(({ revision }) => revision === serving.revision);
  const least = hasServing ? (serving.revision ?? 0) : 0;
  for (const { revision, guests } of revisions) {
    if (revision < least) break;
    const upstreams = guests.filter(({ ready }) => ready).flatMap(upstreamOf);
    if (upstreams.length > 0) return { revision, upstreams, ready: true };
  }
  return {
    revision: serving.revision,
    upstreams: serving.upstreams.filter((last) => mayAnswer(last, revisions)),
    ready: false,
  };
}

function upstreamOf({ guest, address }: GuestFact): Upstream[] {
  return address === undefined ? [] : [{ guest, address }];
}

function mayAnswer({ guest, address }: Upstream, revisions: readonly RevisionFact[]): boolean {
  return revisions.some(({ guests }) =>
    guests.some((fact) => fact.guest === guest && !fact.gone && (fact.address ?? address) === address),
  );
}
