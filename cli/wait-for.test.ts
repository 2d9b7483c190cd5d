import { describe, expect, it } from 'vitest';
import { readGoal } from './wait-for.ts';

describe('readGoal', () => {
  it.each([
    ['condition=Ready', { type: 'condition', name: 'Ready', status: 'True' }],
    ['condition=Ready=False', { type: 'condition', name: 'Ready', status: 'False' }],
    ['jsonpath={.status.phase}=Running', { type: 'jsonpath', path: '{.status.phase}', value: 'Running' }],
    ['jsonpath={.status.url}', { type: 'jsonpath', path: '{.status.url}', value: undefined }],
    ['jsonpath={.a}=b=c', { type: 'jsonpath', path: '{.a}', value: 'b=c' }],
    [
      'jsonpath={.status.conditions[?(@.type=="Ready")].status}=True',
      { type: 'jsonpath', path: '{.status.conditions[?(@.type=="Ready")].status}', value: 'True' },
    ],
    ['delete', { type: 'delete' }],
    ['create', { type: 'create' }],
  ])('reads %s', (text, goal) => {
    expect(readGoal(text)).toEqual(goal);
  });

  it.each(['', 'ready', 'condition=', 'condition=a b', 'jsonpath=.a', 'jsonpath={.a[}=b'])('refuses "%s"', (text) => {
    expect(() => readGoal(text)).toThrow('is not understood');
  });
});
