import { describe, expect, it } from 'vitest';
import { describeSupervisorEvent, readSupervisorEvent } from './supervisor-event.ts';

const at = new Date(0);

describe('a supervisor event', () => {
  it.each<[string, object, string]>([
    ['event=boot version=1', { type: 'boot', version: 1 }, 'The guest started.'],
    ['event=start pid=7 attempt=1', { type: 'start', pid: 7, attempt: 1 }, 'The process started.'],
    ['event=start pid=9 attempt=3', { type: 'start', pid: 9, attempt: 3 }, 'The process started again, attempt 3.'],
    [
      'event=exec-failed errno=2 message=No such file: a=b message=c',
      { type: 'execFailed', errno: 2, message: 'No such file: a=b message=c' },
      'The command cannot be run: No such file: a=b message=c. Correct the command, or the image.',
    ],
    ['event=held', { type: 'held' }, 'The process is held: it is not started until the controller says so.'],
    ['event=listening port=80', { type: 'listening', port: 80 }, 'The process listens on port 80.'],
    [
      'event=exit code=3 pid=7 uptime_ms=2345',
      { type: 'exit', exit: { code: 3, at }, uptimeMs: 2345 },
      'The process ended with code 3 after 2.3 s.',
    ],
    [
      'event=exit signal=SIGKILL pid=7 uptime_ms=5',
      { type: 'exit', exit: { signal: 9, at }, uptimeMs: 5 },
      'The process ended by SIGKILL after 5 ms.',
    ],
    [
      'event=exit signal=SIGRTMIN+3 pid=7 uptime_ms=5',
      { type: 'exit', exit: { signal: 37, at } },
      'The process ended by signal 37 after 5 ms.',
    ],
    ['event=backoff delay_ms=4000', { type: 'backoff', delayMs: 4000 }, 'The process is started again in 4 s.'],
    [
      'event=finished code=0',
      { type: 'finished', code: 0 },
      'The process is finished with code 0 and is not started again.',
    ],
    [
      'event=stopping signal=SIGTERM',
      { type: 'stopping', signal: 'SIGTERM' },
      'The guest is asked to stop; the process gets SIGTERM.',
    ],
    [
      'event=dropped bytes=12',
      { type: 'dropped', bytes: 12 },
      "The guest's disk was full: 12 bytes of output are lost.",
    ],
  ])('reads "%s"', (text, event, words) => {
    const read = readSupervisorEvent(text, at);
    expect(read).toMatchObject({ at, ...event });
    expect(read && describeSupervisorEvent(read)).toBe(words);
  });

  it('is unknown when a newer supervisor made it', () => {
    expect(readSupervisorEvent('event=yawned at=once', at)).toBeUndefined();
    expect(readSupervisorEvent('', at)).toBeUndefined();
  });
});
