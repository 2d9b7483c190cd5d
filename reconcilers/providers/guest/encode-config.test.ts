import { describe, expect, it } from 'vitest';
import { encodeGuestConfig } from './encode-config.ts';

const decode = (encoded: string) => Buffer.from(encoded, 'base64').toString('utf8').split('\0').slice(0, -1);

describe('encodeGuestConfig', () => {
  it('writes pairs of keys and values, each ended by NUL, in order', () => {
    const encoded = encodeGuestConfig({
      command: ['/bin/app', 'two words', ''],
      env: ['A=1\n2', 'B="ü" \'x\'', 'EMPTY='],
      user: 'app:staff',
      workingDir: '/srv',
      stopSignal: 'SIGINT',
      stopTimeoutMs: 5000,
      restart: 'on-failure',
      secret: 's',
      port: 1,
      listen: '10.0.0.5',
      hostname: 'web',
      nameservers: ['10.0.0.1', '10.0.0.2'],
      search: ['lan'],
      hosts: ['10.0.0.9 db'],
      readyPort: 80,
      logLimitBytes: 1024,
      commands: [
        { name: 'dump', argv: ['/bin/dump', '-a b'], user: 'app', outputPath: '/data/dump' },
        { name: 'load', argv: ['load'], inputPath: '/data/dump' },
      ],
      hold: true,
    });
    expect(decode(encoded)).toEqual(
      [
        ['arg', '/bin/app', 'arg', 'two words', 'arg', ''],
        ['env', 'A=1\n2', 'env', 'B="ü" \'x\'', 'env', 'EMPTY='],
        ['user', 'app:staff', 'cwd', '/srv', 'stop-signal', 'SIGINT', 'stop-timeout', '5000', 'restart', 'on-failure'],
        ['secret', 's', 'port', '1', 'listen', '10.0.0.5', 'hostname', 'web'],
        ['nameserver', '10.0.0.1', 'nameserver', '10.0.0.2', 'search', 'lan', 'hosts', '10.0.0.9 db'],
        ['ready-port', '80', 'log-limit', '1024'],
        ['command', 'dump', 'command-arg', '/bin/dump', 'command-arg', '-a b'],
        ['command-user', 'app', 'command-output', '/data/dump'],
        ['command', 'load', 'command-arg', 'load', 'command-input', '/data/dump', 'hold', 'yes'],
      ].flat(),
    );
  });

  it('leaves out what is not said, for the supervisor has a default', () => {
    expect(decode(encodeGuestConfig({ command: ['x'], env: [], user: '', stopSignal: '' }))).toEqual(['arg', 'x']);
  });

  it('refuses NUL, naming the variable and showing no value', () => {
    const refused = () => encodeGuestConfig({ command: ['x'], env: ['TOKEN=hunter2\0'] });
    expect(refused).toThrow(/variable TOKEN/);
    expect(refused).not.toThrow(/hunter2/);
    expect(() => encodeGuestConfig({ command: ['a\0b'], env: [] })).toThrow(/word of the command/);
    expect(() => encodeGuestConfig({ command: ['x'], env: [], secret: 'a\0' })).toThrow(/"secret"/);
  });

  it('refuses what no guest could be started with', () => {
    expect(() => encodeGuestConfig({ command: ['x'], env: [`A=${'x'.repeat(50_000)}`] })).toThrow(/takes 65536/);
    expect(() => encodeGuestConfig({ command: [], env: [] })).toThrow(/no command/);
    expect(() => encodeGuestConfig({ command: ['x'], env: ['=x'] })).toThrow(/NAME=value/);
    expect(() => encodeGuestConfig({ command: ['x'], env: ['x'] })).toThrow(/NAME=value/);
  });
});
