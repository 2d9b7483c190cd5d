import { z } from 'zod';

/** What people call something: any one line that can be printed. The name as resources are called is made from it. */
export const DisplayName = z
  .string()
  .max(128)
  .regex(/^[^\p{Cc}\p{Cs}\u2028\u2029]*$/u, 'must be one line of printable characters')
  .refine((text) => text.trim() !== '', 'must not be blank');

/** What an object is called in the contract; what was made by a manifest may have no other name than its own. */
export function shownName({
  metadata,
  spec,
}: {
  metadata: { name: string };
  spec: { displayName?: string | undefined };
}): string {
  return spec.displayName ?? metadata.name;
}
