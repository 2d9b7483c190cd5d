/** An IPv4 address as a number. */
export function ipv4Number(text: string): number {
  return text.split('.').reduce((total, part) => total * 256 + Number(part), 0);
}

/** The address of a number. */
export function ipv4Text(value: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.');
}

/** The lowest address from `from` to `to` that `isTaken` does not name. */
export function firstFreeAddress(from: string, to: string, isTaken: (address: string) => boolean): string | undefined {
  for (let value = ipv4Number(from); value <= ipv4Number(to); value += 1) {
    const address = ipv4Text(value);
    if (!isTaken(address)) return address;
  }
  return undefined;
}
