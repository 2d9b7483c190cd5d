import { afterAll, beforeAll, describe } from 'vitest';
import { archiveBehaviour } from './proxmox/archives.ts';
import { backupBehaviour } from './proxmox/backups.ts';
import { makingBehaviour } from './proxmox/making.ts';
import { readingBehaviour } from './proxmox/reading.ts';
import { restoreBehaviour } from './proxmox/restores.ts';
import { runningBehaviour } from './proxmox/running.ts';
import { volumeBehaviour } from './proxmox/volumes.ts';
import { ProxmoxBench, type MakeProxmox } from './proxmox/under-test.ts';

/** What loops may count on, to be kept by the fake, by the client over the sandbox, and by a real Proxmox VE. */
export function proxmoxClientConformance(make: MakeProxmox): void {
  let made: ProxmoxBench | undefined;

  beforeAll(async () => {
    made = new ProxmoxBench(await make());
  });
  afterAll(async () => {
    await made?.clean();
    await made?.under.close();
  });

  function bench(): ProxmoxBench {
    if (!made) throw new Error('The cluster under test is not there.');
    return made;
  }

  describe('reading', () => readingBehaviour(bench));
  describe('archives', () => archiveBehaviour(bench));
  describe('making guests', () => makingBehaviour(bench));
  describe('volumes', () => volumeBehaviour(bench));
  describe('backups', () => backupBehaviour(bench));
  describe('restores', () => restoreBehaviour(bench));
  describe('running guests', () => runningBehaviour(bench));
}
