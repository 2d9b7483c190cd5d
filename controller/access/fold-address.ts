/**
 * The form in which two e-mail addresses are compared: `Ann@Example.com` is `ann@example.com`. Only ASCII letters are folded,
 * as no account has others in its address, and so that no foreign letter becomes one of them.
 */
export function foldAddress(address: string): string {
  return address.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());
}
