import { createHash } from 'node:crypto';

/**
 * `base` with `suffix`, as one DNS label of at most 63 characters. A base that is too long is cut and marked with a digest of
 * itself, so that two long names never meet.
 */
export function childName(base: string, suffix: string): string {
  const whole = `${base}-${suffix}`;
  if (whole.length <= 63) return whole;
  const digest = createHash('sha256').update(base).digest('hex').slice(0, 8);
  const head = base.slice(0, 63 - suffix.length - digest.length - 2).replace(/-+$/, '');
  return `${head}-${digest}-${suffix}`;
}
