import { z } from 'zod';

const binary: Record<string, number> = { Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40, Pi: 2 ** 50 };
const decimal: Record<string, number> = { '': 1, k: 1e3, M: 1e6, G: 1e9, T: 1e12, P: 1e15 };

/** Processor time in cores, as Kubernetes writes it: `500m` is half a core. Kept as text; `cpuCores` reads it. */
export const CpuQuantity = z
  .union([z.string(), z.number()])
  .transform(String)
  .pipe(
    z
      .string()
      .regex(/^(?:\d{1,7}m|\d{1,4}(?:\.\d{1,3})?)$/, 'must be a CPU quantity such as "500m" or "2"')
      .refine((text) => cpuCores(text) > 0, 'must be more than zero'),
  )
  .meta({ description: 'CPU in cores: "500m" is half a core, "2" two.' });

/** A size in bytes, as Kubernetes writes it: `512Mi`, `4Gi`, `1G`. Kept as text; `quantityBytes` reads it. */
export const ByteQuantity = z
  .union([z.string(), z.number()])
  .transform(String)
  .pipe(
    z
      .string()
      .regex(/^\d{1,15}(?:\.\d{1,3})?(?:Ki|Mi|Gi|Ti|Pi|k|M|G|T|P)?$/, 'must be a size such as "512Mi" or "4Gi"')
      .refine((text) => quantityBytes(text) > 0, 'must be more than zero'),
  )
  .meta({ description: 'A size in bytes with a Kubernetes suffix: "512Mi", "4Gi".' });

/** Cores of a valid CPU quantity, 0.5 for `500m`. */
export function cpuCores(text: string): number {
  return text.endsWith('m') ? Number(text.slice(0, -1)) / 1000 : Number(text);
}

/** Whole bytes of a valid size. */
export function quantityBytes(text: string): number {
  const [, amount = '0', suffix = ''] = /^([\d.]+)([A-Za-z]*)$/.exec(text) ?? [];
  return Math.round(Number(amount) * (binary[suffix] ?? decimal[suffix] ?? 1));
}

/** Whole MiB of a valid size, rounded up: what Proxmox counts memory in. */
export function quantityMiB(text: string): number {
  return Math.ceil(quantityBytes(text) / 2 ** 20);
}
