import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { TaskMood, TaskWork } from './task.ts';
import { TaskRegistry } from './task-registry.ts';
import { formatUpid, parseUpid } from './upid.ts';

let folder = '';
let mood: TaskMood = { extraMs: 0 };
let tasks: TaskRegistry;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tasks-'));
  mood = { extraMs: 0 };
  tasks = open();
});
afterEach(async () => {
  await tasks.close();
  await rm(folder, { recursive: true });
});

function open(): TaskRegistry {
  const registry = new TaskRegistry({ dataDir: folder, now: () => 1_800_000_000_000, moodOf: () => mood });
  registry.addNode('pve1');
  return registry;
}

function start(work: TaskWork): string {
  return tasks.start({ node: 'pve1', type: 'vzstart', id: '100', user: 'a@pve!t', work });
}

describe('task ids', () => {
  it('are those of Proxmox, and can be taken apart', () => {
    const upid = start(async () => undefined);
    expect(upid).toMatch(/^UPID:pve1:[0-9A-F]{8}:[0-9A-F]{8,9}:6B49D200:vzstart:100:a@pve!t:$/);
    const parts = parseUpid(upid);
    expect(parts && formatUpid(parts)).toBe(upid);
  });

  it.each(['UPID:bad', 'UPID:pve1:1:2:3:vzstart:100:root@pam:', ''])('are not mistaken: %j', (text) => {
    expect(parseUpid(text)).toBeUndefined();
  });
});

describe('TaskRegistry', () => {
  it.each<[string, TaskWork, string, string]>([
    ['well', async (task) => task.log('hello'), 'OK', 'TASK OK'],
    ['with warnings', async (task) => task.warn('careful'), 'WARNINGS: 1', 'TASK WARNINGS: 1'],
    ['with an error on one line', async () => Promise.reject(new Error('a\nb')), 'a b', 'TASK ERROR: a b'],
  ])('ends a task %s', async (_, work, status, lastLine) => {
    const upid = start(work);
    await tasks.settle();
    expect(tasks.get(upid)?.end?.status).toBe(status);
    expect(tasks.get(upid)?.lines.at(-1)).toBe(lastLine);
  });

  it('lets a task that is stopped clean up', async () => {
    mood = { extraMs: 60_000 };
    let cleaned = false;
    const upid = start(async (task) => {
      await task.takeTime().finally(() => (cleaned = true));
    });
    await tasks.stop(upid, 1000);
    expect([tasks.get(upid)?.end?.status, cleaned]).toEqual(['received interrupt', true]);
  });

  it('kills a task that does not end when it is asked', async () => {
    const upid = start(() => new Promise(() => undefined));
    await tasks.stop(upid, 10);
    expect(tasks.get(upid)?.end?.status).toBe('unexpected status');
  });

  it('never lets a killed task go on', async () => {
    mood = { extraMs: 10, killed: true };
    let wentOn = false;
    const upid = start(async (task) => {
      await task.takeTime().finally(() => (wentOn = true));
    });
    await tasks.settle();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect([tasks.get(upid)?.end?.status, tasks.get(upid)?.lines, wentOn]).toEqual(['unexpected status', [], false]);
  });

  it('keeps tasks and their logs over a restart, and names those that died with the process', async () => {
    const ended = start(async (task) => task.log('a line'));
    await tasks.settle();
    const running = start(() => new Promise(() => undefined));
    const next = new TaskRegistry({ dataDir: folder, now: Date.now, moodOf: () => mood });
    expect(next.addNode('pve1')).toEqual([running]);
    expect(next.get(ended)).toMatchObject({ end: { status: 'OK' }, lines: ['a line', 'TASK OK'] });
    expect(next.get(running)?.end?.status).toBe('unexpected status');
    await next.close();
  });

  it('keeps what an interrupted write of the journal left', async () => {
    const upid = start(async () => undefined);
    await tasks.close();
    const { appendFile } = await import('node:fs/promises');
    await appendFile(join(folder, 'nodes/pve1/tasks.jsonl'), '{"upid":"UPID:pv');
    expect(open().get(upid)?.end?.status).toBe('OK');
  });
});
