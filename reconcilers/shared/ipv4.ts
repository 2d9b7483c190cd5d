/** An IPv4 address as a number. */
export function ipv4Number(text: string): number {
  return text.split('.').reduce((total, part) => total * 256 + Number(part), 0);
}

/** The address of a number. */
export function ipv4Text(value: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.');
}

/** The next address behind `after` that `isTaken` does not name, going round from `to` to `from`; without `after` the lowest. */
export function nextFreeAddress(
  { from, to, after }: { from: string; to: string; after?: string | undefined },
  isTaken: (address: string) => boolean,
): string | undefined {
  const first = ipv4Number(from);
  const size = ipv4Number(to) - first + 1;
  const start = after === undefined ? 0 : ipv4Number(after) - first + 1;
  const begin = start > 0 && start < size ? start : 0;
  for (let step = 0; step < size; step += 1) {
    const address = ipv4Text(first + ((begin + step) % size));
    if (!isTaken(address)) return address;
  }
  return undefined;
}
