import { describe, expect, it } from 'vitest';
import { Redactor } from './redactor.ts';

function redactor(...values: string[]): Redactor {
  const made = new Redactor();
  for (const value of values) made.add(value);
  return made;
}

describe('Redactor', () => {
  it.each([
    ['as it is', 'token=hunter2-secret;', 'token=[redacted];'],
    ['more than once', 'hunter2-secret hunter2-secret', '[redacted] [redacted]'],
    ['in a URL', `https://x/?p=${encodeURIComponent('pässwörd&1')}`, 'https://x/?p=[redacted]'],
    ['in base64', Buffer.from('hunter2-secret').toString('base64'), '[redacted]'],
    ['at the very end', 'the end: hunter2-secret', 'the end: [redacted]'],
  ])('takes a value out %s', (_, text, clean) => {
    expect(redactor('hunter2-secret', 'pässwörd&1').text(text)).toBe(clean);
  });

  it('takes the longest of values that begin alike', () => {
    expect(redactor('secret', 'secret-and-more').text('secret-and-more, secret')).toBe('[redacted], [redacted]');
  });

  it('leaves values alone that are too short to be told from words', () => {
    expect(redactor('root1').text('root1 logged in')).toBe('root1 logged in');
  });

  it('takes out single lines of a value with several', () => {
    const key = '-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0B\n-----END KEY-----\n';
    expect(redactor(key).text('saw MIIEvQIBADANBgkqhkiG9w0B here')).toBe('saw [redacted] here');
  });

  it('leaves a text as it is that holds no secret', () => {
    expect(redactor('hunter2-secret').text('hunter2 secret')).toBe('hunter2 secret');
  });

  it('keeps JSON readable whatever the secret looks like', () => {
    const nasty = '","kind":"x\\';
    const line = JSON.stringify({ msg: `it is ${nasty}!`, pin: 4_711_471_100, [nasty]: 1 });
    expect(JSON.parse(redactor(nasty, '471147').json(line))).toEqual({
      msg: 'it is [redacted]!',
      pin: '[redacted]',
      '[redacted]': 1,
    });
  });

  it('finds one secret of thousands in a long text in one pass', () => {
    const many = redactor(...Array.from({ length: 5_000 }, (_, index) => `secret-number-${index}`));
    expect(many.text(`${'x'.repeat(100_000)}secret-number-4999`)).toMatch(/^x+\[redacted\]$/);
  });
});
