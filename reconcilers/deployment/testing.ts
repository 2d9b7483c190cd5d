import type { DeploymentFacts } from './machine.ts';
import type { DeploymentView } from './observe.ts';

/** A look at a revision that is built and whose guests run, for tests. */
export function testView(
  about: Partial<Omit<DeploymentView, 'facts'>> & { facts?: Partial<DeploymentFacts> } = {},
): DeploymentView {
  return {
    build: undefined,
    service: undefined,
    job: undefined,
    route: undefined,
    volumes: [],
    desired: 1,
    batch: about.desired ?? 1,
    guests: [],
    standsDown: false,
    needed: undefined,
    clear: true,
    progress: 0,
    ...about,
    facts: {
      build: 'succeeded',
      preDeploy: 'none',
      recreate: false,
      prepared: true,
      guests: 'running',
      healthy: false,
      complete: false,
      taken: true,
      predecessors: 0,
      newer: 'none',
      paused: false,
      ...about.facts,
    },
  };
}
