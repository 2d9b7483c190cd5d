import { describe, expect, it } from 'vitest';
import type { ListedGuest } from '../providers/proxmox/client.ts';
import { trafficBetween } from './metrics.ts';

function listed(uptimeSeconds: number | undefined, netInBytes: number, netOutBytes: number, vmid = 100): ListedGuest {
  return {
    vmid,
    node: 'pve1',
    type: 'lxc',
    status: 'running',
    name: undefined,
    lock: undefined,
    tags: [],
    maxMemoryBytes: undefined,
    maxCpu: undefined,
    memoryBytes: undefined,
    cpu: undefined,
    uptimeSeconds,
    netInBytes,
    netOutBytes,
  };
}

describe('trafficBetween', () => {
  it('tells bytes per second between two looks', () => {
    expect(trafficBetween(listed(100, 1_000, 500), listed(160, 7_000, 3_500))).toEqual({
      networkIn: 100,
      networkOut: 50,
    });
  });

  it.each([
    ['a guest that was started anew', listed(100, 1_000, 500), listed(20, 10, 10)],
    ['a guest that was started anew and ran longer', listed(10, 1_000, 500), listed(20, 10, 10)],
    ['another guest', listed(100, 0, 0), listed(160, 10, 10, 101)],
    ['the same look twice', listed(100, 0, 0), listed(100, 0, 0)],
    ['a list without numbers', listed(undefined, 0, 0), listed(100, 0, 0)],
    ['a first look', undefined, listed(100, 0, 0)],
  ])('says nothing of %s', (_, before, now) => {
    expect(trafficBetween(before, now)).toBeUndefined();
  });
});
