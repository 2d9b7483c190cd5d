import { describe, expect, it } from 'vitest';
import type { ListedGuest } from '../providers/proxmox/client.ts';
import { operationsBetween, trafficBetween, type UsageLook } from './metrics.ts';

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

function look(uptimeMs: number, reads: number, writes: number, guestUid = 'a'): UsageLook {
  return { guestUid, usage: { reads, writes, uptimeMs } };
}

describe('operationsBetween', () => {
  it('tells reads and writes per second between two looks', () => {
    expect(operationsBetween(look(100_000, 1_000, 500), look(160_500, 1_605, 11_390))).toEqual({
      readIops: 10,
      writeIops: 180,
    });
  });

  it('tells that a disk was at rest', () => {
    expect(operationsBetween(look(100_000, 7, 7), look(160_000, 7, 7))).toEqual({ readIops: 0, writeIops: 0 });
  });

  it.each([
    ['a guest that was started anew', look(100_000, 1_000, 500), look(20_000, 1_100, 600)],
    ['a guest that was started anew and ran longer', look(10_000, 1_000, 500), look(20_000, 10, 600)],
    ['another guest', look(100_000, 0, 0), look(160_000, 10, 10, 'b')],
    ['the same look twice', look(100_000, 0, 0), look(100_000, 0, 0)],
    ['a guest that did not know before', { guestUid: 'a', usage: undefined }, look(100_000, 0, 0)],
    ['a guest that does not know any more', look(100_000, 0, 0), { guestUid: 'a', usage: undefined }],
    ['a first look', undefined, look(100_000, 0, 0)],
  ])('says nothing of %s', (_, before, now) => {
    expect(operationsBetween(before, now)).toBeUndefined();
  });
});
