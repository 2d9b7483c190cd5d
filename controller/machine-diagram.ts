import type { AnyStateMachine } from 'xstate';

/** A flat machine as a Mermaid state diagram: one arrow for each transition, named after its guard. */
export function machineDiagram(machine: AnyStateMachine): string {
  const states = Object.values(machine.states);
  const { initial } = machine.config;
  const lines = ['stateDiagram-v2'];
  if (typeof initial === 'string') lines.push(`    [*] --> ${initial}`);
  for (const state of states) {
    const arrows = [...state.transitions.values()].flat().flatMap(({ target = [], guard }) =>
      target.map((next) => {
        const condition = guardName(guard);
        return `    ${state.key} --> ${next.key}${condition === undefined ? '' : `: ${condition}`}`;
      }),
    );
    lines.push(...new Set(arrows));
    if (arrows.length === 0) lines.push(`    ${state.key} --> [*]`);
  }
  return `${lines.join('\n')}\n`;
}

function guardName(guard: unknown): string | undefined {
  if (typeof guard === 'string') return guard;
  if (typeof guard === 'object' && guard !== null && 'type' in guard) return String(guard.type);
  return undefined;
}
