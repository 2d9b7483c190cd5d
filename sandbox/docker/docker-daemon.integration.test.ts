import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Docker from 'dockerode';
import { describe, expect, it } from 'vitest';
import { readProcess } from '../lxc/process-status.ts';
import { dockerDaemonAvailability, startDockerDaemon } from './docker-daemon.ts';

const availability = dockerDaemonAvailability();
if (!availability.available) console.log(`Tests with a Docker daemon are skipped: ${availability.reason}`);

function client(endpoint: string): Docker {
  return new Docker({ socketPath: endpoint.replace('unix://', '') });
}

describe.skipIf(!availability.available)('startDockerDaemon', () => {
  it('answers at its own socket, is taken over by a later call, and leaves no process or mount', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'dockerd-'));
    const daemon = await startDockerDaemon({ dataDir });
    expect((await client(daemon.endpoint).version()).Os).toBe('linux');
    const again = await startDockerDaemon({ dataDir });
    expect(again).toMatchObject({ endpoint: daemon.endpoint, pid: daemon.pid });

    await again.close();
    expect(readProcess(daemon.pid)).toBeUndefined();
    expect(readFileSync('/proc/self/mounts', 'utf8')).not.toContain(dataDir);
    await rm(dataDir, { recursive: true });
  });

  it('starts again with the same folder, also after it was killed, and in a folder with a long name', async () => {
    const root = await mkdtemp(join(tmpdir(), 'dockerd-'));
    const dataDir = join(root, 'x'.repeat(100));
    const daemon = await startDockerDaemon({ dataDir });
    process.kill(daemon.pid, 'SIGKILL');
    const later = await startDockerDaemon({ dataDir });
    expect((await client(later.endpoint).ping()).toString()).toBe('OK');
    await later.close();
    expect(existsSync(later.endpoint.replace('unix://', ''))).toBe(false);
    await rm(root, { recursive: true });
  });
});
