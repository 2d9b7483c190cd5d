import { describe, expect, it } from 'vitest';
import { acceptedResources } from './accept-drift.ts';

const drift = (found: Record<string, string>): Parameters<typeof acceptedResources>[0] =>
  Object.entries(found).map(([field, value]) => ({ field, declared: '', found: value, since: '' }));

describe('acceptedResources', () => {
  it.each<[string, Record<string, string>, Record<string, string>]>([
    ['memory', { memory: '2048' }, { memory: '2048Mi' }],
    ['cores, which limit nothing else', { cores: '4' }, { cpu: '4' }],
    ['a limit', { cpulimit: '0.5' }, { cpu: '0.5' }],
    ['cores and the limit that they are for', { cores: '2', cpulimit: '1.5' }, { cpu: '1.5' }],
    ['cores whose limit was taken off', { cores: '2', cpulimit: 'not set' }, { cpu: '2' }],
  ])('says %s', (_, found, resources) => {
    expect(acceptedResources(drift(found))).toEqual({ ok: true, resources });
  });

  it.each<[string, Record<string, string>, RegExp]>([
    ['more cores than the limit lets work', { cores: '4', cpulimit: '1' }, /4 cores with a limit of 1/],
    ['a limit that was taken off', { cpulimit: '0' }, /limit of its cores was taken off/],
    ['a network', { memory: '2048', net0: 'name=eth0' }, /net0 is name=eth0, and no field/],
  ])('says why it cannot say %s', (_, found, words) => {
    const accepted = acceptedResources(drift(found));
    expect(accepted.ok ? '' : accepted.message).toMatch(words);
  });
});
