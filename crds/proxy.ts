import { z } from 'zod';
import { CommonStatus, defineKind, type ResourceOf } from './define-kind.ts';
import { PortNumber, SingleLine } from './names.ts';

const AdminEndpoint = z
  .string()
  .max(512)
  .regex(/^(https?:\/\/[^\s/@]+(:\d{1,5})?|unix:\/\/\/\S+)$/, 'must be http://host:port or unix:///path');

/** A reverse proxy that brings users to Services. */
export const Proxy = defineKind('Proxy', {
  plural: 'proxies',
  scope: 'Cluster',
  description: 'A reverse proxy that brings users to Services: a Caddy that is driven, or a Traefik that asks.',
  finalizer: true,
  columns: [
    { name: 'Type', type: 'string', jsonPath: '.spec.type' },
    { name: 'Domain', type: 'string', jsonPath: '.spec.baseDomain' },
    { name: 'Routes', type: 'integer', jsonPath: '.status.routes' },
    { name: 'Ready', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].status' },
    { name: 'Status', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].message' },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  ],
  spec: z
    .strictObject({
      type: z.enum(['caddy', 'traefik']).default('caddy'),
      /** Caddy's admin API. Only Containr may reach it: who can, can read every request. */
      endpoint: AdminEndpoint.optional(),
      /** A second Caddy behind the first, which then never starts anew for a deploy: no connection is cut by one. */
      router: z
        .strictObject({
          endpoint: AdminEndpoint,
          /** Where the second takes what the first passes on. */
          socket: z
            .string()
            // Longer ones the system does not take.
            .max(100)
            .regex(/^\/([^\s{}|]| )+$/, 'must be the absolute path of a socket'),
        })
        .optional(),
      /** Every web Service gets SERVICE-PROJECT below it. */
      baseDomain: z
        .string()
        .max(190)
        .regex(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/, 'must be a domain name')
        .optional(),
      ports: z.strictObject({ http: PortNumber.default(80), https: PortNumber.default(443) }).prefault({}),
      /** Address of the proxy's machine that it listens on. Without one, all of them. */
      bind: z.union([z.ipv4(), z.ipv6()]).optional(),
      /** Certificates of generated host names. */
      tls: z.enum(['auto', 'internal', 'off']).default('auto'),
      /** Told to the certificate authority. */
      email: SingleLine.max(254).optional(),
    })
    .superRefine((spec, context) => {
      if (spec.type === 'caddy' && spec.endpoint === undefined)
        context.addIssue({ code: 'custom', path: ['endpoint'], message: 'is required when type is "caddy"' });
      if (spec.type !== 'caddy' && spec.router !== undefined)
        context.addIssue({ code: 'custom', path: ['router'], message: 'is there for type "caddy" only' });
      if (spec.router !== undefined && spec.router.endpoint === spec.endpoint)
        context.addIssue({
          code: 'custom',
          path: ['router', 'endpoint'],
          message: 'must be another Caddy than endpoint',
        });
    }),
  status: CommonStatus.extend({
    /** Routes that it carries. */
    routes: z.int().optional(),
  }),
});
export type Proxy = ResourceOf<typeof Proxy>;
