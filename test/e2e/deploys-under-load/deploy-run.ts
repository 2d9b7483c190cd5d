import { z } from 'zod';
import { pause, type DevEnvironment } from '../dev-environment.ts';

const SERVICE = 'namespaces/shop/services/web';
const ROUTE = 'namespaces/shop/routes/web';

const Service = z.object({
  status: z.object({ latestRevision: z.int().default(0) }),
});
const Route = z.object({
  status: z.object({ revision: z.int().optional(), upstreams: z.array(z.object({ guest: z.string() })).default([]) }),
});
const Deployment = z.object({
  status: z.object({ phase: z.string().optional(), failure: z.string().optional() }),
});
const Names = z.object({ items: z.array(z.object({ metadata: z.object({ name: z.string() }) })) });
const Guests = z.array(z.object({ vmid: z.coerce.number(), name: z.string().optional(), tags: z.string().optional() }));
const Content = z.array(z.object({ volid: z.string() }));

/** When a deploy came how far, in ms of `performance.now()`. */
export interface DeployTimes {
  revision: number;
  askedAt: number;
  /** The proxy lets the new revision take requests. */
  servingAt: number;
  /** It has all its guests, and those of the revision before are gone. */
  doneAt: number;
}

/** Deploys the service `shop/web` of an environment over the API, and looks how it goes. */
export class DeployRun {
  readonly #dev: DevEnvironment;

  constructor(dev: DevEnvironment) {
    this.#dev = dev;
  }

  /** A new value in the environment: the same image, a new revision. */
  deploy(version: string): Promise<DeployTimes> {
    return this.#follow(() => this.patch({ spec: { env: [{ name: 'VERSION', value: version }] } }));
  }

  /** A new commit, which is built first. */
  deployCommit(commit: string, version: string): Promise<DeployTimes> {
    const source = { type: 'git', repository: this.#dev.repository, branch: null, commit };
    return this.#follow(() => this.patch({ spec: { source, env: [{ name: 'VERSION', value: version }] } }));
  }

  /** Back to the revision before, as a person would. */
  rollback(): Promise<DeployTimes> {
    return this.#follow(async () => {
      this.#dev.must('rollout', 'undo', 'service/web', '-n', 'shop');
    });
  }

  patch(body: unknown): Promise<unknown> {
    return this.#ask(z.unknown(), 'PATCH', SERVICE, body);
  }

  /** Waits until the newest revision is the one that serves, alone. */
  async settled(revision: number, timeoutMs = 60_000): Promise<void> {
    await this.#until(`revision ${revision} is Active`, timeoutMs, async () => {
      const { status } = await this.#ask(Deployment, 'GET', `namespaces/shop/deployments/web-r${revision}`);
      if (status.phase === 'Failed') throw new DeployFailed(`Revision ${revision} failed: ${status.failure ?? ''}`);
      return status.phase === 'Active';
    });
  }

  async latestRevision(): Promise<number> {
    return (await this.#ask(Service, 'GET', SERVICE)).status.latestRevision;
  }

  /** Everything that is there and that the newest revision does not need, in words. */
  async orphans(nodes: readonly string[]): Promise<string[]> {
    const latest = `web-r${await this.latestRevision()}-`;
    const listed = await Promise.all(nodes.map((node) => this.#dev.proxmox(Guests, 'GET', `/nodes/${node}/lxc`)));
    const guests = listed.flat().filter(({ name }) => !name?.startsWith(latest));
    const { items } = await this.#ask(Names, 'GET', 'namespaces/shop/guests');
    const objects = items.filter(({ metadata }) => !metadata.name.startsWith(latest));
    const { status } = await this.#ask(Route, 'GET', ROUTE);
    const upstreams = status.upstreams.filter(({ guest }) => !guest.startsWith(latest));
    return [
      ...guests.map(({ vmid, name }) => `guest ${vmid} ${name ?? ''}`),
      ...objects.map(({ metadata }) => `object guest/${metadata.name}`),
      ...upstreams.map(({ guest }) => `upstream ${guest}`),
    ];
  }

  /** What is there of a service that was deleted, in words. */
  async leftovers(nodes: readonly string[]): Promise<string[]> {
    const listed = await Promise.all(
      nodes.map(async (node) => [
        ...(await this.#dev.proxmox(Guests, 'GET', `/nodes/${node}/lxc`)).map(({ vmid }) => `guest ${vmid}`),
        ...(await this.#dev.proxmox(Content, 'GET', `/nodes/${node}/storage/local/content`)).map(({ volid }) => volid),
      ]),
    );
    const kinds = ['builds', 'deployments', 'guests', 'routes'];
    const objects = await Promise.all(kinds.map((kind) => this.#ask(Names, 'GET', `namespaces/shop/${kind}`)));
    return [...listed.flat(), ...objects.flatMap(({ items }) => items.map(({ metadata }) => metadata.name))];
  }

  async #follow(ask: () => Promise<unknown>): Promise<DeployTimes> {
    const before = await this.latestRevision();
    const revision = before + 1;
    const askedAt = performance.now();
    await ask();
    await this.#until(`revision ${revision} serves`, 120_000, async () => {
      const { status } = await this.#ask(Route, 'GET', ROUTE);
      return status.revision === revision && status.upstreams.length > 0;
    });
    const servingAt = performance.now();
    await this.settled(revision, 120_000);
    return { revision, askedAt, servingAt, doneAt: performance.now() };
  }

  async #ask<T>(schema: z.ZodType<T>, method: 'GET' | 'PATCH', path: string, body?: unknown): Promise<T> {
    const { url, token } = this.#dev.ready;
    const answer = await fetch(`${url}/apis/containr.dev/v1alpha1/${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body !== undefined && { 'content-type': 'application/merge-patch+json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return schema.parse(JSON.parse(text));
  }

  /** Looks often: what is measured with it is a matter of milliseconds. A controller that is away for a moment is waited for. */
  async #until(what: string, timeoutMs: number, isSo: () => Promise<boolean>): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    while (!(await isSo().catch(unlessFailed))) {
      if (performance.now() > deadline)
        throw new Error(
          `Waited ${timeoutMs / 1_000} s until ${what}.\n${this.#dev.command('tree', 'service/web', '-n', 'shop').stdout}\n${this.#dev.logs()}`,
        );
      await pause(15);
    }
  }
}

class DeployFailed extends Error {}

function unlessFailed(error: unknown): false {
  if (error instanceof DeployFailed) throw error;
  return false;
}
