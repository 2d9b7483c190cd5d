import { describe, expect, it } from 'vitest';
import { lastWords } from './last-words.ts';

const noted = { source: 'system', text: 'The process ended with code 3.' } as const;
const printed = { source: 'stderr', text: 'no such column' } as const;

describe('lastWords', () => {
  it('leaves out what the supervisor noted where the process printed something', () => {
    expect(lastWords([noted, printed, noted])).toEqual([printed.text]);
  });

  it('is what the supervisor noted where the process printed nothing', () => {
    expect(lastWords([noted])).toEqual([noted.text]);
  });
});
