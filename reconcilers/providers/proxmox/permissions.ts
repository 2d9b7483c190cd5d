import type { Permissions } from './client.ts';

/** What of a cluster Containr uses. */
export interface ClusterNeeds {
  storages: { rootfs: string; templates: string; backups?: string | undefined };
  /** A bridge, or a vnet of a zone. */
  bridge: string;
  nodes: readonly string[];
  /** Nodes fetch archives themselves; otherwise they are uploaded. */
  downloads?: boolean;
}

/** One role on one path of Proxmox's access tree. */
export interface RequiredPrivileges {
  role: string;
  path: string;
  privileges: readonly string[];
  /** Also for what is below the path. */
  propagate: boolean;
}

/** The least that Containr can work with. Nothing of it needs root@pam. */
export function requiredPrivileges({ storages, bridge, nodes, downloads = false }: ClusterNeeds): RequiredPrivileges[] {
  const guests = [
    'VM.Allocate',
    'VM.Audit',
    'VM.Config.CPU',
    'VM.Config.Disk',
    'VM.Config.Memory',
    'VM.Config.Network',
    'VM.Config.Options',
    'VM.PowerMgmt',
    ...(storages.backups === undefined ? [] : ['VM.Backup']),
  ];
  const space = ['Datastore.AllocateSpace', 'Datastore.Audit'];
  // Deleting an archive that no guest needs any more takes Datastore.Allocate.
  const templates = ['Datastore.Allocate', 'Datastore.AllocateTemplate', 'Datastore.Audit'];
  const ofNode = ['Sys.Audit', ...(downloads ? ['Sys.AccessNetwork'] : [])];
  return [
    { role: 'ContainrCluster', path: '/', privileges: ['Sys.Audit'], propagate: false },
    { role: 'ContainrGuests', path: '/vms', privileges: guests, propagate: true },
    { role: 'ContainrDisks', path: `/storage/${storages.rootfs}`, privileges: space, propagate: false },
    { role: 'ContainrTemplates', path: `/storage/${storages.templates}`, privileges: templates, propagate: false },
    ...(storages.backups === undefined
      ? []
      : [{ role: 'ContainrDisks', path: `/storage/${storages.backups}`, privileges: space, propagate: false }]),
    { role: 'ContainrNetwork', path: `${localZone}/${bridge}`, privileges: ['SDN.Use'], propagate: true },
    ...nodes.map((node) => ({ role: 'ContainrNodes', path: `/nodes/${node}`, privileges: ofNode, propagate: false })),
  ];
}

/** What a token with these permissions lacks; empty when nothing. Pure. */
export function missingPrivileges(
  permissions: Permissions,
  needs: ClusterNeeds,
): { path: string; privileges: string[] }[] {
  const missing = new Map<string, Set<string>>();
  for (const { path, privileges, propagate } of requiredPrivileges(needs)) {
    const paths = path.startsWith(localZone) ? [path, ...pathsOfVnet(permissions, needs.bridge)] : [path];
    for (const privilege of privileges) {
      if (paths.some((candidate) => isGranted(permissions, candidate, privilege, propagate))) continue;
      missing.set(path, (missing.get(path) ?? new Set()).add(privilege));
    }
  }
  return [...missing].map(([path, privileges]) => ({ path, privileges: [...privileges] }));
}

/** Shell commands for a node's root that make the user, its token and the roles. The last one prints the token's secret. */
export function pveumCommands(needs: ClusterNeeds, { user, token }: { user: string; token: string }): string[] {
  const required = requiredPrivileges(needs);
  const roles = new Map(required.map(({ role, privileges }) => [role, privileges]));
  return [
    ...[...roles].map(([role, privileges]) => `pveum role add ${role} --privs "${privileges.join(' ')}"`),
    `pveum user add ${user} --comment "Containr"`,
    ...required.map(
      ({ role, path, propagate }) =>
        `pveum acl modify ${path} --users ${user} --roles ${role} --propagate ${propagate ? 1 : 0}`,
    ),
    `pveum user token add ${user} ${token} --privsep 0`,
  ];
}

/** Plain bridges are the networks of this zone. */
const localZone = '/sdn/zones/localnetwork';

/**
 * What counts at a path is the nearest path above it that has permissions: deeper entries replace what comes from above, of
 * which only what propagates arrives.
 */
function isGranted(permissions: Permissions, path: string, privilege: string, below: boolean): boolean {
  for (let at = path; ; at = parentOf(at)) {
    const here = permissions[at];
    if (here) return privilege in here && (here[privilege] === true || (at === path && !below));
    if (at === '/') return false;
  }
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/')) || '/';
}

/** A vnet is below a zone whose name the vnet's does not tell; a VLAN of a bridge is below the bridge. */
function pathsOfVnet(permissions: Permissions, bridge: string): string[] {
  return Object.keys(permissions).filter((path) => {
    const [, area, , zone, ...rest] = path.split('/');
    return area === 'sdn' && zone !== undefined && (rest.length === 0 ? path !== localZone : rest[0] === bridge);
  });
}
