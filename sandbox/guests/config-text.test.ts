import { assert, property, string } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatConfig, parseConfig } from './config-text.ts';
import { emptyConfig, type GuestConfig } from './guest-config.ts';

function config(options: Record<string, string>, more: Partial<GuestConfig> = {}): GuestConfig {
  return { ...emptyConfig(), options: new Map(Object.entries(options)), ...more };
}

describe('the config file', () => {
  it('is written as Proxmox writes it', () => {
    const text = formatConfig(
      config(
        { memory: '512', arch: 'amd64', description: 'one\ntwo: ü', env: 'A=1\0B=2' },
        { raw: [['lxc.init.cwd', '/srv']], pending: new Map([['entrypoint', '/bin/x']]) },
      ),
    );
    expect(text).toBe(
      [
        '#one',
        '#two: %C3%BC',
        'arch: amd64',
        'memory: 512',
        'lxc.environment.runtime: A=1',
        'lxc.environment.runtime: B=2',
        'lxc.init.cwd: /srv',
        '',
        '[pve:pending]',
        'entrypoint: /bin/x',
        '',
      ].join('\n'),
    );
  });

  it('comes back with what was written, pending deletions and snapshots too', () => {
    const written = config(
      { hostname: 'web', env: 'A=1\0B=x=y' },
      {
        raw: [['lxc.signal.halt', 'SIGTERM']],
        pending: new Map([['cmode', 'tty']]),
        pendingDelete: new Map([
          ['entrypoint', false],
          ['mp0', true],
        ]),
        snapshots: new Map([['s1', { options: new Map([['hostname', 'old']]), raw: [] }]]),
      },
    );
    expect(parseConfig(formatConfig(written))).toEqual(written);
  });

  it('ends a description with a newline and shows an empty value as a space, as Proxmox does', () => {
    const read = parseConfig(formatConfig(config({ description: 'x', tags: '' })));
    expect([...read.options]).toEqual([
      ['tags', ' '],
      ['description', 'x\n'],
    ]);
  });

  it('loses the white space at the end of a variable', () => {
    expect(parseConfig(formatConfig(config({ env: 'A=x  \0B=y' }))).options.get('env')).toBe('A=x\0B=y');
  });

  it('keeps any description', () => {
    assert(
      property(
        string({ unit: 'binary' }).filter((text) => !text.includes('\r')),
        (description) => {
          const read = parseConfig(formatConfig(config({ description })));
          expect(read.options.get('description')).toBe(`${description.replace(/\n$/, '')}\n`);
        },
      ),
    );
  });
});
