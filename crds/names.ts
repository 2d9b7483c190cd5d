import { z } from 'zod';

/** A DNS label (RFC 1123): what every object and namespace is called. */
export const DnsLabel = z
  .string()
  .min(1, 'must not be empty')
  .max(63, 'must be at most 63 characters long')
  .regex(
    /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/,
    'must be a DNS label: lower-case letters, digits and "-", beginning and ending with a letter or digit',
  );

/** A name for objects that are made by loops and may be longer than a label: DNS labels joined by dots. */
export const ObjectName = z
  .string()
  .min(1, 'must not be empty')
  .max(253, 'must be at most 253 characters long')
  .regex(
    /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/,
    'must be a DNS name: lower-case letters, digits, "-" and ".", beginning and ending with a letter or digit',
  );

/** A key of a label or annotation: an optional DNS prefix, a slash, and a name of at most 63 characters. */
export const QualifiedName = z
  .string()
  .max(317)
  .regex(
    /^([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?\/)?[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$/,
    'must be a name such as "tier" or "example.com/tier"',
  );

/** A value of a label. */
export const LabelValue = z
  .string()
  .max(63, 'must be at most 63 characters long')
  .regex(/^([A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?)?$/, 'must be letters, digits, "-", "_" or "."');

/** The name of an environment variable. Anything else could not be set, or would be read by a shell as something else. */
export const EnvName = z
  .string()
  .max(256)
  .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'must be letters, digits and "_", and not begin with a digit');

/** Half a character of UTF-16 cannot be written as UTF-8: something else would arrive where it goes. */
const isWhole = (text: string): boolean => text.isWellFormed();
const NOT_WHOLE = 'must not contain half a character (a lone surrogate)';

/** One line of text that no control character can break out of. */
export const SingleLine = z
  .string()
  .max(1024)
  .regex(/^[^\u0000-\u001f\u007f-\u009f\u2028\u2029]*$/, 'must be one line without control characters')
  .refine(isWhole, NOT_WHOLE);

/** Text for an environment variable: anything but NUL. */
export const EnvText = z
  .string()
  .max(32_768, 'must be at most 32768 characters long')
  .regex(/^[^\u0000]*$/, 'must not contain a NUL character')
  .refine(isWhole, NOT_WHOLE);

/** A command: words as a JSON list, or a line or script for a shell. It goes on as one argument, which cannot hold NUL. */
export const CommandText = EnvText.max(4096);

/** An absolute path inside a guest. */
export const GuestPath = z
  .string()
  .max(1024)
  .regex(/^\/[^\u0000-\u001f\u007f-\u009f\u2028\u2029]*$/, 'must be an absolute path without control characters')
  .refine(isWhole, NOT_WHOLE)
  .refine((path) => !path.split('/').includes('..'), 'must not contain ".."');

/** A path inside a repository: relative or absolute to its root, never outside. */
export const RepositoryPath = z
  .string()
  .max(1024)
  .regex(/^[^\u0000-\u001f\u007f-\u009f\u2028\u2029]+$/, 'must be a path without control characters')
  .refine(isWhole, NOT_WHOLE)
  .refine((path) => !path.split('/').includes('..'), 'must not contain ".."')
  .refine((path) => !path.startsWith('-'), 'must not begin with "-"');

export const PortNumber = z.int().min(1, 'must be between 1 and 65535').max(65_535, 'must be between 1 and 65535');
