import { describe, expect, it } from 'vitest';
import { commandLine } from './command-line.ts';

describe('commandLine', () => {
  it.each([
    ['serve --port 80', ['/bin/sh', '-c', 'serve --port 80']],
    ['["/app", "migrate; rm -rf /"]', ['/app', 'migrate; rm -rf /']],
    [' ["/app"] ', ['/app']],
    ['[ -f /x ] && /app', ['/bin/sh', '-c', '[ -f /x ] && /app']],
    ['[]', ['/bin/sh', '-c', '[]']],
    ['[1]', ['/bin/sh', '-c', '[1]']],
    ['$(reboot) `x` \n', ['/bin/sh', '-c', '$(reboot) `x` \n']],
  ])('reads %j', (text, words) => {
    expect(commandLine(text)).toEqual(words);
  });
});
