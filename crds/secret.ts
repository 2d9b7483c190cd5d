import { z } from 'zod';
import { CommonStatus, defineKind, type ResourceOf } from './define-kind.ts';

/** A key of a Secret: what a file name or variable may be called. */
export const SecretKey = z
  .string()
  .min(1)
  .max(253)
  .regex(/^[A-Za-z0-9._-]+$/, 'must be letters, digits, "-", "_" or "."');

/** Where a value comes from. */
export const SecretKeyRef = z.strictObject({ name: z.string().min(1).max(253), key: SecretKey });
export const SecretRef = z.strictObject({ name: z.string().min(1).max(253) });

/** A sealed value that was opened, or why it cannot be. */
export const OpenedValue = z.object({
  /** Fingerprint of the sealed text that this came out of. */
  of: z.string(),
  /** Which key of the installation it is sealed for. */
  keyId: z.string().optional(),
  value: z.string().optional(),
  problem: z.string().optional(),
});
export type OpenedValue = z.output<typeof OpenedValue>;

/**
 * Values that go in and never come out. What is stored in `data` is ciphertext; what is answered has no `data` at all, but
 * the keys with keyed digests in the status.
 */
export const Secret = defineKind('Secret', {
  plural: 'secrets',
  scope: 'Namespaced',
  description: 'Write-only values for environments, repositories, registries and Proxmox tokens.',
  columns: [
    { name: 'Keys', type: 'string', jsonPath: '.status.keys[*].name' },
    { name: 'Ready', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].status' },
    { name: 'Status', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].message', priority: 1 },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  ],
  spec: z.strictObject({
    data: z.record(SecretKey, z.string().max(262_144)).default({}),
    /** Values sealed with the installation's public key (age), safe to keep in Git. */
    sealed: z.record(SecretKey, z.string().max(524_288)).optional(),
  }),
  status: CommonStatus.extend({
    /** Digests are keyed with the installation's key: equal values show as equal, and nothing can be guessed. */
    keys: z.array(z.object({ name: z.string(), digest: z.string() })).default([]),
    /** Keys whose values are encrypted with a key of the installation that is no longer the newest. */
    outdatedKeys: z.array(z.string()).optional(),
    /** What came out of `sealed`, encrypted as `data` is, and as little shown. */
    opened: z.record(SecretKey, OpenedValue).optional(),
  }),
});
export type Secret = ResourceOf<typeof Secret>;
