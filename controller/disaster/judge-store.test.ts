import { describe, expect, it } from 'vitest';
import { judgeStore } from './judge-store.ts';

const seen = { store: 'postgres', version: '1000', at: '2026-01-01T00:00:00.000Z' };
const server = { usedOn: '1', isOn: '1' };

describe('judgeStore', () => {
  it.each([
    ['as it was left', { ...server, version: '1000', seen }],
    ['further on, after a crash between two looks', { ...server, version: '1007', seen }],
    ['empty, whatever was seen', { ...server, version: '0', seen }],
    ['never seen, on the server that it was used on', { ...server, version: '7', seen: undefined }],
    ['moved to another server after everything was seen', { version: '1000', seen, usedOn: '1', isOn: '2' }],
    ['on a server that does not tell who it is', { version: '7', seen: undefined, usedOn: '1', isOn: undefined }],
    ['used for the first time', { version: '7', seen: undefined, usedOn: undefined, isOn: '2' }],
  ])('trusts a store that is %s', (_, facts) => {
    expect(judgeStore(facts)).toBeUndefined();
  });

  it('does not trust a store that was further on', () => {
    expect(judgeStore({ ...server, version: '999', seen })).toContain('is at version 999, but was at 1000');
  });

  it('does not trust a dump that was loaded into another server, by a folder that has not seen it', () => {
    const facts = { version: '1000', seen: undefined, usedOn: '1', isOn: '2' };
    expect(judgeStore(facts)).toContain('another PostgreSQL server');
  });
});
