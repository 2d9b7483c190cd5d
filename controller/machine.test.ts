import { describe, expect, it } from 'vitest';
import { assign, setup } from 'xstate';
import { z } from 'zod';
import { advance } from './machine.ts';
import { machineDiagram } from './machine-diagram.ts';

const lamp = setup({
  types: {
    input: {} as { now: number },
    context: {} as { deadline: number },
    events: {} as { type: 'OBSERVED'; bright: boolean; now: number },
  },
  guards: {
    isBright: ({ event }) => event.bright,
    isLate: ({ context, event }) => event.now >= context.deadline,
  },
  actions: { moreTime: assign({ deadline: ({ event }) => event.now + 10 }) },
}).createMachine({
  id: 'lamp',
  context: ({ input }) => ({ deadline: input.now + 10 }),
  initial: 'Dark',
  states: {
    Dark: {
      on: {
        OBSERVED: [
          { guard: 'isBright', target: 'Bright', actions: 'moreTime' },
          { guard: 'isLate', target: 'Broken' },
        ],
      },
    },
    Bright: { on: { OBSERVED: { guard: 'isLate', target: 'Broken' } } },
    Broken: {},
  },
});

const context = z.object({ deadline: z.number() });

function observed(saved: Parameters<typeof advance>[1], bright: boolean, now: number, generation = 1) {
  const event = { type: 'OBSERVED', bright, now } as const;
  return advance(lamp, saved, { generation, context, input: { now }, event });
}

describe('advance', () => {
  it('begins at the initial state and takes the first event', () => {
    expect(observed(undefined, false, 0)).toEqual({ state: 'Dark', context: { deadline: 10 }, generation: 1 });
  });

  it('goes on from what was saved, with its memory', () => {
    const dark = observed(undefined, false, 0);
    expect(observed(dark, true, 5)).toEqual({ state: 'Bright', context: { deadline: 15 }, generation: 1 });
    expect(observed(dark, false, 10).state).toBe('Broken');
  });

  it('goes on from what was saved as JSON', () => {
    const saved: unknown = JSON.parse(JSON.stringify(observed(undefined, true, 5)));
    const progress = z.object({ state: z.string(), context: z.record(z.string(), z.unknown()), generation: z.int() });
    expect(observed(progress.parse(saved), false, 15).state).toBe('Broken');
  });

  it.each([
    ['a new generation', { state: 'Bright', context: { deadline: 99 }, generation: 1 }, 2],
    ['a state that this version does not know', { state: 'Glowing', context: { deadline: 99 }, generation: 1 }, 1],
    ['a name that every object has', { state: 'toString', context: { deadline: 99 }, generation: 1 }, 1],
    ['a memory that this version cannot read', { state: 'Bright', context: { until: 99 }, generation: 1 }, 1],
  ])('begins again for %s', (_, saved, generation) => {
    expect(observed(saved, false, 20, generation)).toEqual({ state: 'Dark', context: { deadline: 30 }, generation });
  });

  it('stays where nothing more can happen', () => {
    const broken = { state: 'Broken', context: { deadline: 0 }, generation: 1 };
    expect(observed(broken, true, 20)).toEqual(broken);
  });
});

describe('machineDiagram', () => {
  it('draws every transition with its guard, the beginning and the ends', () => {
    expect(machineDiagram(lamp).split('\n')).toEqual([
      'stateDiagram-v2',
      '    [*] --> Dark',
      '    Dark --> Bright: isBright',
      '    Dark --> Broken: isLate',
      '    Bright --> Broken: isLate',
      '    Broken --> [*]',
      '',
    ]);
  });
});
