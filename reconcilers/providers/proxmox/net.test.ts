import { describe, expect, it } from 'vitest';
import { netText, parseNet } from './net.ts';

describe('netText', () => {
  it('writes a static interface that the host sets up', () => {
    const net = {
      name: 'eth0',
      bridge: 'vmbr0',
      mac: 'bc:24:11:00:00:01',
      vlan: 40,
      ip: '10.0.0.5/24',
      gateway: '10.0.0.1',
    };
    expect(netText(net)).toBe(
      'name=eth0,bridge=vmbr0,hwaddr=BC:24:11:00:00:01,ip=10.0.0.5/24,gw=10.0.0.1,tag=40,host-managed=1',
    );
  });

  it('leaves out what is not said', () => {
    expect(netText({ name: 'eth0', bridge: 'vmbr0', ip: 'dhcp' })).toBe(
      'name=eth0,bridge=vmbr0,ip=dhcp,host-managed=1',
    );
  });
});

describe('parseNet', () => {
  it('reads what Proxmox makes of it, in whatever order and with keys of its own', () => {
    const net = parseNet(
      'name=eth0,bridge=vmbr0,gw=10.88.0.1,host-managed=1,hwaddr=BC:24:11:F1:9B:11,ip=10.88.0.50/24,type=veth',
    );
    expect(net.get('ip')).toBe('10.88.0.50/24');
    expect(net.get('type')).toBe('veth');
    expect(net.size).toBe(7);
  });

  it('finds nothing in nothing', () => {
    expect(parseNet('').size).toBe(0);
  });
});
