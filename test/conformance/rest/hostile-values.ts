import * as fc from 'fast-check';

/** Values that have broken other programs: shells, databases, paths, headers, templates, parsers, prototypes. */
const corpus: readonly unknown[] = [
  '',
  ' ',
  '\u0000',
  'a\u0000b',
  '\r\nX-Admin: 1',
  'a\nb',
  '\u202e\u0007\u001b[31mred',
  '\ud800',
  '𝕳𝖔𝖘𝖙𝖎𝖑𝖊 名前 🦀',
  'x'.repeat(70_000),
  '; rm -rf / #',
  '$(touch /tmp/owned)',
  '`id`',
  '| nc 127.0.0.1 1',
  "' OR '1'='1",
  '"; DROP TABLE revisions; --',
  '../../../../etc/passwd',
  '/etc/shadow',
  '..\\..\\windows',
  'file:///etc/passwd',
  'ext::sh -c id',
  '--upload-pack=touch /tmp/owned',
  '-x',
  '__proto__',
  'constructor',
  'toString',
  '{{7*7}}${7*7}<%= 7*7 %>',
  '{env.HOME}',
  '<script>alert(1)</script>',
  'http://169.254.169.254/latest/meta-data/',
  'javascript:alert(1)',
  '%00%2e%2e%2f',
  '9'.repeat(400),
  null,
  true,
  0,
  -1,
  1.5,
  1e308,
  [],
  ['a'],
  {},
  { $ne: null },
  { toString: 'x' },
  JSON.parse('{"__proto__":{"admin":true}}'),
];

/** A value that no client of ours would send. */
export const hostileValue: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...corpus) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 300 }) },
  { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 3 }) },
);

/** A hostile text for a path or a parameter. */
export const hostileText: fc.Arbitrary<string> = hostileValue.map((value) =>
  typeof value === 'string' ? value : JSON.stringify(value),
);
