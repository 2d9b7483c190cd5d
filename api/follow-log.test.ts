import { describe, expect, it } from 'vitest';
import { systemClock as clock } from '../controller/clock.ts';
import { createMemoryLogStore } from '../controller/store/memory-log-store.ts';
import { followLog } from './follow-log.ts';
import { MergedLog, type LogSource, type NamedLine } from './log-streams.ts';

const source: LogSource = { stream: 'guest/a', name: 'a' };
const write = ({ name, text }: NamedLine) => `${name} ${text}\n`;

function line(position: number): { position: number; time: Date; source: 'stdout'; text: string } {
  return { position, time: new Date(position * 1000), source: 'stdout', text: String(position) };
}

describe('followLog', () => {
  it('says that the line still holds when nothing comes', async () => {
    const logs = createMemoryLogStore({ clock });
    await logs.append(source.stream, [line(1)], 1);
    const stop = new AbortController();
    const heartbeat = { everyMs: 0, text: ': here\n' };
    const merged = new MergedLog(logs, {});
    const sources = () => Promise.resolve([source]);
    const pieces = followLog({ sources, write, merged, logs, clock, signal: stop.signal, heartbeat });
    expect(await pieces.next()).toMatchObject({ value: 'a 1\n' });
    expect(await pieces.next()).toMatchObject({ value: ': here\n' });
    await logs.append(source.stream, [line(2)], 2);
    expect(await pieces.next()).toMatchObject({ value: 'a 2\n' });
    stop.abort();
    expect(await pieces.next()).toMatchObject({ done: true });
  });

  it('ends with the last line once nothing more is to come', async () => {
    const logs = createMemoryLogStore({ clock });
    const { signal } = new AbortController();
    await logs.append(source.stream, [line(1)], 1);
    let asked = 0;
    const isOver = async () => {
      asked += 1;
      // What is printed in the very moment of the end is still told.
      if (asked === 2) await logs.append(source.stream, [line(2)], 2);
      return asked >= 2;
    };
    const sources = () => Promise.resolve([source]);
    const pieces: string[] = [];
    const merged = new MergedLog(logs, {});
    for await (const piece of followLog({ sources, write, merged, logs, clock, signal, isOver })) pieces.push(piece);
    expect(pieces.join('')).toBe('a 1\na 2\n');
  });
});
