import { z } from 'zod';

// What Caddy's configuration says, as far as it is used here. All else is kept as it is.

/** How Caddy says no. */
export const AdminError = z.object({ error: z.string() });

const Handler = z.object({ upstreams: z.array(z.object({ dial: z.string() })).default([]) });

/** One of our servers. */
export const OurServer = z.object({
  listen: z.array(z.string()).default([]),
  routes: z
    .array(
      z.object({
        '@id': z.string().optional(),
        match: z.array(z.object({ host: z.array(z.string()).optional() })).optional(),
        handle: z.array(Handler).default([]),
      }),
    )
    .default([]),
});
export type OurServer = z.output<typeof OurServer>;

/** A rule for certificates, ours or somebody else's. */
const Policy = z.looseObject({ '@id': z.string().optional(), subjects: z.array(z.string()).optional() });

/** All applications of one Caddy. */
export const CaddyApps = z
  .looseObject({
    http: z
      .looseObject({ shutdown_delay: z.unknown().optional(), servers: z.record(z.string(), z.unknown()).nullish() })
      .nullish(),
    tls: z.looseObject({ automation: z.looseObject({ policies: z.array(Policy).nullish() }).nullish() }).nullish(),
  })
  .nullable()
  .transform((apps) => apps ?? {});
export type CaddyApps = z.output<typeof CaddyApps>;
