import { describe } from 'vitest';
import { lxcAvailability } from '../../sandbox/lxc/availability.ts';
import { createLxcEngine } from '../../sandbox/lxc/lxc-engine.ts';
import { sandboxUnderTest } from './proxmox/sandbox-under-test.ts';
import { proxmoxClientConformance } from './proxmox-client.ts';

const lxc = await lxcAvailability();
if (!lxc.available) console.info(`Skipped: the suite over real containers. ${lxc.reason}`);

describe.skipIf(!lxc.available)('the sandbox with real containers, through the client', () => {
  proxmoxClientConformance(() => sandboxUnderTest({ engine: (stateDir) => createLxcEngine({ stateDir }) }));
});
