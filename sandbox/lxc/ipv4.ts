/** An IPv4 network: its first address as a number, and how many bits are fixed. */
export interface Ipv4Network {
  base: number;
  prefix: number;
}

/** Reads `10.0.0.0/24` or a plain address (then /32); undefined when it is neither. Host bits are cut off. */
export function parseNetwork(text: string): Ipv4Network | undefined {
  const match = /^(\d{1,3}(?:\.\d{1,3}){3})(?:\/(\d{1,2}))?$/.exec(text);
  const address = parseAddress(match?.[1] ?? '');
  const prefix = Number(match?.[2] ?? 32);
  if (address === undefined || prefix > 32) return undefined;
  return { base: firstAddress(address, prefix), prefix };
}

/** An IPv4 address as a number, or undefined. */
export function parseAddress(text: string): number | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || parts.some((part) => !/^\d{1,3}$/.test(part) || Number(part) > 255)) return undefined;
  return parts.reduce((sum, part) => sum * 256 + Number(part), 0);
}

/** The inverse of parseAddress. */
export function formatAddress(address: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.');
}

/** The inverse of parseNetwork. */
export function formatNetwork({ base, prefix }: Ipv4Network): string {
  return `${formatAddress(base)}/${prefix}`;
}

/** How many addresses a network holds, its own and the broadcast address included. */
export function sizeOf({ prefix }: Ipv4Network): number {
  return 2 ** (32 - prefix);
}

/** Whether any address is in both. */
export function networksOverlap(a: Ipv4Network, b: Ipv4Network): boolean {
  return a.base < b.base + sizeOf(b) && b.base < a.base + sizeOf(a);
}

function firstAddress(address: number, prefix: number): number {
  const size = 2 ** (32 - prefix);
  return Math.floor(address / size) * size;
}
