import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ChildLog } from './child-log.ts';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'containr-log-'));
  file = join(folder, 'controller.log');
});
afterEach(() => rmSync(folder, { recursive: true }));

const line = (level: string, msg: string): string => `${JSON.stringify({ level, msg, err: { message: 'Why.' } })}\n`;

describe('ChildLog', () => {
  it('hands on warnings and errors that are new, whole lines only', () => {
    writeFileSync(file, line('error', 'Of the last run.'));
    const warnings: string[] = [];
    const log = new ChildLog(file, (text) => warnings.push(text));
    const late = line('warn', 'Late.');
    appendFileSync(file, line('info', 'Fine.') + line('error', 'Broken.') + late.slice(0, 10));
    log.look();
    expect(warnings).toEqual(['Broken. Why.']);
    appendFileSync(file, late.slice(10));
    log.look();
    log.close();
    expect(warnings).toEqual(['Broken. Why.', 'Late. Why.']);
  });

  it('keeps to itself what Caddy says of questions of the controller', () => {
    const warnings: string[] = [];
    const log = new ChildLog(file, (text) => warnings.push(text));
    appendFileSync(file, `${JSON.stringify({ level: 'error', logger: 'admin.api', msg: 'request error' })}\n`);
    appendFileSync(file, line('error', 'Broken.'));
    log.look();
    log.close();
    expect(warnings).toEqual(['Broken. Why.']);
  });

  it('puts a large file aside, and goes on with what is appended', () => {
    const warnings: string[] = [];
    const log = new ChildLog(file, (text) => warnings.push(text));
    appendFileSync(file, line('info', 'x'.repeat(200)));
    log.look(100);
    expect([readFileSync(file, 'utf8'), existsSync(`${file}.1`)]).toEqual(['', true]);
    appendFileSync(file, line('warn', 'After.'));
    log.look(100_000);
    log.close();
    expect(warnings).toEqual(['After. Why.']);
  });

  it('shows the newest lines in words', () => {
    const log = new ChildLog(file, () => undefined);
    writeFileSync(file, `one\n${line('error', 'Two.')}three\n`);
    expect(log.tail(2)).toEqual(['Two. Why.', 'three']);
    log.close();
  });
});
