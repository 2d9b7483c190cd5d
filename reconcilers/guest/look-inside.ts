import { createHmac } from 'node:crypto';
import type { Guest } from '../../crds/guest.ts';
import type { Pass } from '../../controller/reconciler.ts';
import type { GuestLinks } from '../providers/guest/guest-links.ts';
import type { HealthMonitor } from '../providers/guest/health-monitor.ts';
import type { ClusterConnection } from '../providers/proxmox/cluster-pool.ts';
import { secretUid } from './adopt.ts';
import { hostOf, SUPERVISOR_PORT, type DesiredGuest } from './desired.ts';
import { healthPlan } from './health-plan.ts';
import type { GuestFacts } from './observe.ts';
import { isCurrent } from './plan.ts';
import type { LiveFacts } from './report.ts';

interface LookInside {
  pass: Pass<Guest>;
  connection: ClusterConnection;
  facts: GuestFacts;
  desired: DesiredGuest;
  links: GuestLinks;
  health: HealthMonitor;
  /** What the supervisors' secrets are derived from. */
  guestKey: string;
}

/** Asks the supervisor and the health monitor of a running guest; lets go of both when it does not run, or has had its run. */
export async function lookInside(look: LookInside): Promise<LiveFacts> {
  const { pass, facts, desired, links, health } = look;
  const { spec, metadata } = pass.resource;
  const { uid } = metadata;
  if (facts.seen === 'unknown')
    return { link: links.state(uid), health: health.state(uid), addresses: pass.status.addresses };
  if (facts.seen !== 'ours' || !facts.running || pass.status.finished) {
    await links.drop(uid);
    health.drop(uid);
    return { link: undefined, health: undefined, addresses: [] };
  }
  const addresses = await addressesOf(look, facts.node);
  const [host] = addresses;
  if (host === undefined || !isCurrent(spec, pass.status, desired))
    return { link: undefined, health: undefined, addresses };

  links.ensure(
    uid,
    { host, port: SUPERVISOR_PORT, secret: supervisorSecret(look.guestKey, secretUid(pass)) },
    { restarts: 0 },
  );
  // Nothing of a process that is held could answer.
  const check = isHeld(spec, pass.status, desired) ? undefined : healthPlan(spec, host);
  if (check) health.ensure(uid, check, new Date(pass.status.startedAt ?? pass.now));
  else health.drop(uid);
  return { link: links.state(uid), health: health.state(uid), addresses };
}

function isHeld({ hold }: Guest['spec'], { startedDigest }: Guest['status'], { heldDigest }: DesiredGuest): boolean {
  return hold || startedDigest === heldDigest;
}

/** One secret a guest, from the installation's key: nothing to store, nothing that one guest could use on another. */
export function supervisorSecret(key: string, uid: string): string {
  return createHmac('sha256', key).update(uid).digest('base64url');
}

async function addressesOf({ pass, connection }: LookInside, node: string): Promise<readonly string[]> {
  const { reservedAddress, addresses, vmid = 0 } = pass.status;
  if (reservedAddress !== undefined) return [hostOf(reservedAddress)];
  return addresses.length > 0 ? addresses : connection.client.guestAddresses(node, vmid, pass.signal);
}
