import type { Identity } from '../access/identity.ts';
import type { Permission } from '../access/permission.ts';
import type { Privilege } from '../access/privileges.ts';
import type { Cluster } from '../cluster/cluster.ts';
import type { Arguments } from '../schema/arguments.ts';
import type { ParameterTable } from '../schema/parameter.ts';

/** One call, checked, on its way to its handler. */
export interface CallContext {
  cluster: Cluster;
  identity: Identity;
  args: Arguments;
  /** The node that the call is for: the one in its path, else the one that was contacted. */
  node: string;
  /** The node that was contacted. */
  entryNode: string;
  /** Where the file of a multipart request was put; the handler takes it away. */
  uploaded: string | undefined;
}

/** One call of the API. */
export interface Call {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** `{volume}` at the end takes the rest of the path. */
  path: string;
  parameters: ParameterTable;
  permission: Permission;
  /** Done by the privileged daemon of the node, which has few workers. */
  protected?: true;
  /** Forwarded to the node in the path. */
  proxied?: true;
  /** Refuses API tokens. */
  ticketOnly?: true;
  /** Returns what goes out as `data`, a `Page` or a `TextAnswer`. Throws Refusal. */
  handle(context: CallContext): unknown;
}

/** A part of a longer list. */
export class Page {
  readonly items: readonly unknown[];
  readonly total: number;

  constructor(items: readonly unknown[], total: number) {
    this.items = items;
    this.total = total;
  }
}

/** Text to be saved as a file, without the JSON envelope. */
export class TextAnswer {
  readonly text: string;
  readonly fileName: string;

  constructor(text: string, fileName: string) {
    this.text = text;
    this.fileName = fileName;
  }
}

export const nodeParameter = { node: { type: 'string' } } as const satisfies ParameterTable;

export const vmidParameter = {
  type: 'integer',
  format: 'pve-vmid',
  minimum: 100,
  maximum: 999_999_999,
} as const;

export const guestParameters = { ...nodeParameter, vmid: vmidParameter } as const satisfies ParameterTable;

export const storageParameters = {
  ...nodeParameter,
  storage: { type: 'string', format: 'pve-storage-id' },
} as const satisfies ParameterTable;

/** All of these on the guest in the path. */
export function onGuest(...privileges: Privilege[]): Permission {
  return { path: '/vms/{vmid}', privileges };
}

/** The vmid in a call's path. */
export function vmidOf({ args }: CallContext): number {
  return Number(args.required('vmid'));
}
