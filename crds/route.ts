import { z } from 'zod';
import { CommonStatus, defineKind, type ResourceOf } from './define-kind.ts';
import { DnsLabel, PortNumber } from './names.ts';
import { Duration } from './duration.ts';
import { Domain } from './workload.ts';

/** The way from host names to the guests of a Service. Made by the Service's loop; its own loop tells the proxy. */
export const Route = defineKind('Route', {
  plural: 'routes',
  scope: 'Namespaced',
  description: 'The way from host names to the ready guests of a Service, through a proxy.',
  finalizer: true,
  columns: [
    { name: 'Service', type: 'string', jsonPath: '.spec.service' },
    { name: 'Hosts', type: 'string', jsonPath: '.status.hosts[*]' },
    { name: 'Upstreams', type: 'integer', jsonPath: '.status.serving' },
    { name: 'Ready', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].status' },
    { name: 'Status', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].message' },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
    { name: 'URL', type: 'string', jsonPath: '.status.url', priority: 1 },
  ],
  spec: z.strictObject({
    service: DnsLabel,
    /** Besides the generated host name. */
    domains: z.array(Domain).max(64).default([]),
    /** Port of the guests that takes the requests. */
    port: PortNumber,
    /** Time that a guest which leaves gets to finish its requests. */
    drain: Duration.default('10s'),
  }),
  status: CommonStatus.extend({
    /** The Proxy that carries it. */
    proxy: z.string().optional(),
    hosts: z.array(z.string()).default([]),
    url: z.string().optional(),
    /** The revision whose guests take new requests. */
    revision: z.int().optional(),
    /** Guests that take new requests, as the proxy has acknowledged them. */
    upstreams: z.array(z.object({ guest: z.string(), address: z.string() })).default([]),
    serving: z.int().default(0),
    /** Guests that get no new requests and are finishing those they have. */
    draining: z.array(z.object({ guest: z.string(), address: z.string(), since: z.string() })).default([]),
  }),
});
export type Route = ResourceOf<typeof Route>;
