import { z } from 'zod';
import type { GuestInterface } from '../engine/engine.ts';
import { runCommand } from './run-command.ts';

const Links = z.array(
  z.object({
    ifname: z.string(),
    address: z.string().default('00:00:00:00:00:00'),
    addr_info: z.array(z.object({ family: z.string(), local: z.string(), prefixlen: z.int() })).default([]),
  }),
);

/** The network interfaces a guest really has, loopback included; empty when it ended meanwhile. */
export async function readInterfaces(initPid: number): Promise<GuestInterface[]> {
  const args = ['--target', String(initPid), '--net', 'ip', '-json', 'address', 'show'];
  const { code, stdout } = await runCommand('nsenter', args);
  if (code !== 0) return [];
  return Links.parse(JSON.parse(stdout || '[]')).map(({ ifname, address, addr_info }) => {
    const first = addr_info.find(({ family }) => family === 'inet');
    return { name: ifname, mac: address, ...(first && { inet: `${first.local}/${first.prefixlen}` }) };
  });
}
