import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readContexts, readUrl, resolveConnection, saveContext } from './context.ts';

let env: { CONTAINR_CONFIG_DIR: string };
beforeEach(() => {
  env = { CONTAINR_CONFIG_DIR: mkdtempSync(join(tmpdir(), 'containr-context-')) };
});
afterEach(() => rmSync(env.CONTAINR_CONFIG_DIR, { recursive: true }));

const home = { url: 'https://home.example', token: 'secret' };

describe('resolveConnection', () => {
  it('takes a context that is named before the environment, and that before the current context', () => {
    saveContext('home', home, env);
    const both = { ...env, CONTAINR_URL: 'http://here:8080/', CONTAINR_TOKEN: 't' };
    expect(resolveConnection(undefined, env)).toEqual(home);
    expect(resolveConnection(undefined, both)).toEqual({ url: 'http://here:8080', token: 't' });
    expect(resolveConnection('home', both)).toEqual(home);
  });

  it.each<[string, string | undefined, Record<string, string>, RegExp]>([
    ['nothing is known', undefined, {}, /No server is known/],
    ['a token is missing', undefined, { CONTAINR_URL: 'http://here' }, /CONTAINR_TOKEN is not/],
    ['the address is none', undefined, { CONTAINR_URL: 'here', CONTAINR_TOKEN: 't' }, /CONTAINR_URL: "here"/],
    ['a context is not there', 'away', {}, /no context "away"/],
    ['a context has the name of something every object has', 'constructor', {}, /no context "constructor"/],
  ])('says what to do when %s', (_, name, more, message) => {
    expect(() => resolveConnection(name, { ...env, ...more })).toThrow(message);
  });
});

describe('saveContext', () => {
  it('keeps others, makes the new one current, and leaves the file to its owner alone', () => {
    saveContext('home', home, env);
    writeFileSync(join(env.CONTAINR_CONFIG_DIR, 'contexts.json.new'), 'left over', { mode: 0o644 });
    saveContext('work', { ...home, token: 'other' }, env);
    expect(readContexts(env)).toEqual({ current: 'work', contexts: { home, work: { ...home, token: 'other' } } });
    expect(statSync(join(env.CONTAINR_CONFIG_DIR, 'contexts.json')).mode & 0o777).toBe(0o600);
  });

  it.each(['', '[]', '{"contexts": {"a": {"url": 1}}}'])(
    'does not write over a file that it cannot read: %j',
    (text) => {
      writeFileSync(join(env.CONTAINR_CONFIG_DIR, 'contexts.json'), text);
      expect(() => saveContext('home', home, env)).toThrow('Correct or remove it');
    },
  );
});

describe('readUrl', () => {
  it.each(['ftp://x', 'x', 'https://user@x', 'https://x?a=1', ''])('refuses "%s"', (text) => {
    expect(() => readUrl(text, 'URL')).toThrow('is not an address');
  });
});
