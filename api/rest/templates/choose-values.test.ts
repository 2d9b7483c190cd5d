import { describe, expect, it } from 'vitest';
import { chooseValues, type Chosen } from './choose-values.ts';
import { TemplateVariable } from './template-variable.ts';

function variable(key: string, fields: object): TemplateVariable {
  return TemplateVariable.parse({ key, label: key, description: key, ...fields });
}

const variables = [
  variable('PUBLIC_URL', { type: 'url', required: true }),
  variable('USERS', { type: 'integer', default: '5' }),
  variable('OPEN', { type: 'boolean' }),
  variable('PASSWORD', { secret: true, minLength: 8, generated: { length: 20 } }),
];

function choose(given: Record<string, string>): Chosen {
  return chooseValues(variables, new Map(Object.entries(given)), (limit) => limit - 1);
}

function problems(given: Record<string, string>): string {
  const chosen = choose(given);
  return chosen.ok ? '' : chosen.problems.map(({ path, message }) => `${path} ${message}`).join('; ');
}

describe('chooseValues', () => {
  it('takes what is given, fills in what is usual, and makes the rest at random', () => {
    expect(choose({ PUBLIC_URL: 'https://a.example', OPEN: 'true' })).toEqual({
      ok: true,
      values: new Map([
        ['PUBLIC_URL', 'https://a.example'],
        ['USERS', '5'],
        ['OPEN', 'true'],
        ['PASSWORD', '9'.repeat(20)],
      ]),
    });
  });

  it('leaves out what is neither given nor needed', () => {
    const chosen = choose({ PUBLIC_URL: 'https://a.example' });
    expect(chosen.ok && chosen.values.has('OPEN')).toBe(false);
  });

  it('uses every character as often as any other', () => {
    const [key] = [variable('KEY', { secret: true, generated: { length: 256, alphabet: 'hex' } })];
    const texts = Array.from({ length: 40 }, () => chooseValues([key], new Map()));
    const all = texts.map((chosen) => (chosen.ok ? chosen.values.get('KEY') : '')).join('');
    const counts = [...'0123456789abcdef'].map((character) => all.split(character).length - 1);
    expect(all).toHaveLength(40 * 256);
    expect(Math.min(...counts)).toBeGreaterThan(500);
  });

  it.each<[string, Record<string, string>, string]>([
    ['names what is missing', {}, 'variables.PUBLIC_URL is required: PUBLIC_URL'],
    ['takes an empty text for nothing', { PUBLIC_URL: '' }, 'variables.PUBLIC_URL is required'],
    [
      'guesses what was meant',
      { PUBLIC_URI: 'https://a.example' },
      'variables.PUBLIC_URI is no variable of this template; did you mean "PUBLIC_URL"?',
    ],
    ['lists what is known', { nothingLikeIt: 'x' }, 'known are PUBLIC_URL, USERS, OPEN, PASSWORD'],
    ['wants an address', { PUBLIC_URL: 'javascript:alert(1)' }, 'variables.PUBLIC_URL must be an address'],
    [
      'wants no line break in an address',
      { PUBLIC_URL: 'https://a.example\nX: y' },
      'variables.PUBLIC_URL must be an address',
    ],
    ['wants a whole number', { USERS: '1.5' }, 'variables.USERS must be a whole number'],
    ['wants true or false', { OPEN: 'yes' }, 'variables.OPEN must be true or false'],
    ['wants a long password', { PASSWORD: 'short' }, 'variables.PASSWORD must be at least 8 characters long'],
    ['wants no NUL', { PASSWORD: 'long enough\0' }, 'variables.PASSWORD must not contain a NUL character'],
  ])('%s', (_name, given, message) => {
    expect(problems(given)).toContain(message);
    expect(problems(given)).not.toContain('short;');
  });

  it('does not say everything again that it was sent', () => {
    const given = Object.fromEntries(Array.from({ length: 500 }, (_, at) => [`X${at}`.repeat(50), 'x']));
    expect(problems(given).length).toBeLessThan(4096);
  });
});
