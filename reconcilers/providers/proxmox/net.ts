/** One network interface of a guest. */
export interface NetInterface {
  /** As the guest sees it: "eth0". */
  name: string;
  bridge: string;
  mac?: string | undefined;
  vlan?: number | undefined;
  /** "10.40.0.51/24", or `dhcp`. */
  ip?: string | undefined;
  gateway?: string | undefined;
}

/**
 * `net0` as Proxmox writes it. `host-managed` lets the host configure the interface, a static one before the guest's process
 * starts, since the image's own network scripts never run.
 */
export function netText({ name, bridge, mac, vlan, ip, gateway }: NetInterface): string {
  return [
    `name=${name}`,
    `bridge=${bridge}`,
    mac !== undefined && `hwaddr=${mac.toUpperCase()}`,
    ip !== undefined && `ip=${ip}`,
    gateway !== undefined && `gw=${gateway}`,
    vlan !== undefined && `tag=${vlan}`,
    'host-managed=1',
  ]
    .filter((part) => part !== false)
    .join(',');
}

/** The keys and values of a `netN`, in its order; parts without a value are left out. */
export function parseNet(text: string): Map<string, string> {
  const parts = new Map<string, string>();
  for (const part of text.split(',')) {
    const equals = part.indexOf('=');
    if (equals > 0) parts.set(part.slice(0, equals).trim(), part.slice(equals + 1).trim());
  }
  return parts;
}
