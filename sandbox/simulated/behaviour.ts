/** How a simulated process behaves: set by variables in its environment, or by labels of its image. */
export interface Behaviour {
  /** `failing` answers 503, `slow` answers late, `crash` ends soon after it started, `deaf` never listens. */
  health: 'ok' | 'failing' | 'slow' | 'crash' | 'deaf';
  /** For `slow`: how late; for `crash`: how long it lives. */
  delayMs: number;
}

const healthVariable = 'SIMULATED_HEALTH';
const delayVariable = 'SIMULATED_DELAY_MS';
const defaultDelays: Readonly<Record<Behaviour['health'], number>> = {
  ok: 0,
  failing: 0,
  slow: 3000,
  crash: 100,
  deaf: 0,
};

/** Reads the behaviour from the first source that says anything. */
export function behaviourOf(...sources: ReadonlyArray<ReadonlyMap<string, string>>): Behaviour {
  const find = (name: string): string | undefined =>
    sources.map((source) => source.get(name)).find((value) => value !== undefined);
  const asked = find(healthVariable);
  const health = asked === 'failing' || asked === 'slow' || asked === 'crash' || asked === 'deaf' ? asked : 'ok';
  return { health, delayMs: Number(find(delayVariable) ?? defaultDelays[health]) };
}
