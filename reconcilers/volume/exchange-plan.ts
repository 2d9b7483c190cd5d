import { Restore } from '../../crds/backup.ts';
import { Volume, type DiskPlace } from '../../crds/volume.ts';
import type { ResourceReader } from '../../controller/reconciler.ts';
import { isExchanging } from '../shared/volumes.ts';

export type Exchange = NonNullable<Volume['status']['exchange']>;

/** What is next between a volume and the one that it changes disks with. */
export type ExchangeStep =
  /** It has none, or is through with it. */
  | { do: 'nothing' }
  /** Note what is asked for; nothing else is done in that pass. */
  | { do: 'note'; exchange: Omit<Exchange, 'since'> }
  /** Be parked. */
  | { do: 'leave' }
  /** Keep still. */
  | { do: 'wait' }
  /** The disk at that place is this volume's from now on. */
  | { do: 'take'; place: DiskPlace }
  /** Write on the keeper of the new disk whose it is. */
  | { do: 'mark'; isLast: boolean };

/** What is recorded around a volume that may change disks with another. */
export interface ExchangeView {
  volume: Volume;
  /** As the pass has it. */
  exchange: Exchange | undefined;
  /** The restore that is under way with this volume as its target. */
  restore: Restore | undefined;
  /** The volume that the restore wants it to change with. */
  wanted: Volume | undefined;
  /** The other one of the exchange that was begun. */
  partner: Volume | undefined;
  /** One that has begun to change with this. */
  suitor: Volume | undefined;
}

/** Reads only the cache. */
export function observeExchange(volume: Volume, exchange: Exchange | undefined, read: ResourceReader): ExchangeView {
  const { namespace, name, uid } = volume.metadata;
  const volumes = read.list(Volume, namespace).filter(({ metadata }) => metadata.uid !== uid);
  const restore = read
    .list(Restore, namespace)
    .filter(({ spec, status }) => spec.target.kind === 'Volume' && spec.target.name === name && status.inPlace === true)
    .filter(({ status }) => status.phase === 'Switching' || status.phase === 'PuttingBack')
    .find(({ status }) => status.switchTo !== undefined);
  return {
    volume,
    exchange,
    restore,
    wanted: volumes.find(({ metadata }) => metadata.name === restore?.status.switchTo),
    partner: volumes.find(({ metadata }) => metadata.uid === exchange?.with),
    suitor: volumes.find(({ status }) => status.exchange?.leads === true && status.exchange.with === uid),
  };
}

/**
 * The one that leads decides alone, in one write of its own status: it takes the other's disk, or cancels. The other, once
 * ready, does nothing before it has read which. So at no time two volumes act on one disk, and none is without one. Pure.
 */
export function planExchange(view: ExchangeView): ExchangeStep {
  const { exchange } = view;
  const isOver = exchange?.stage === 'done' || exchange?.stage === 'cancelled';
  if (!exchange || isOver) return planBeginning(view);
  if (exchange.stage === 'taken') return planMark(view, exchange);
  return exchange.leads ? planLead(view, exchange) : planFollow(view, exchange);
}

/** The disk of a volume, and where it is. Pure. */
export function placeOf({ cluster, node, storage, volid, size, vmid, key, keeperVmid }: DiskPlace): DiskPlace {
  return { cluster, node, storage, volid, size, vmid, key, keeperVmid };
}

function planBeginning({ volume, exchange, restore, wanted, suitor }: ExchangeView): ExchangeStep {
  const { uid, name } = volume.metadata;
  const offer = suitor?.status.exchange;
  const isOpen = offer?.stage === 'leaving' || offer?.stage === 'ready';
  if (suitor && offer && isOpen && !isSame(exchange, offer))
    return note({ ...same(offer), with: suitor.metadata.uid, leads: false, stage: 'leaving' });
  if (!restore || volume.metadata.deletionTimestamp !== undefined) return { do: 'nothing' };
  const asked = restore.metadata.uid;
  const before = exchange?.leads === true && exchange.restore === asked ? exchange : undefined;
  if (restore.status.switchTo === name) {
    // Said also where nothing was begun: from then on nothing will be.
    if (!before) return note({ restore: asked, with: uid, turn: 1, leads: true, stage: 'cancelled' });
    if (before.turn !== 1 || before.stage !== 'done') return { do: 'nothing' };
    return note({ restore: asked, with: before.with, turn: 2, leads: true, stage: 'leaving' });
  }
  if (before || !isFit(wanted)) return { do: 'nothing' };
  return note({ restore: asked, with: wanted.metadata.uid, turn: 1, leads: true, stage: 'leaving' });
}

function planLead({ volume, restore, partner }: ExchangeView, exchange: Exchange): ExchangeStep {
  const isBack = restore?.status.switchTo === volume.metadata.name;
  const isAsked = restore?.metadata.uid === exchange.restore && isBack === (exchange.turn === 2);
  const isGoing = volume.metadata.deletionTimestamp !== undefined;
  if (!isAsked || isGoing || !isFit(partner, exchange)) return cancelled(exchange);
  if (exchange.stage === 'leaving') return { do: 'leave' };
  const answer = partner.status.exchange;
  return isSame(answer, exchange) && answer?.with === volume.metadata.uid && answer.stage === 'ready'
    ? { do: 'take', place: placeOf(partner.status) }
    : { do: 'wait' };
}

function planFollow({ partner }: ExchangeView, exchange: Exchange): ExchangeStep {
  const decision = partner?.status.exchange;
  if (!decision || !isSame(decision, exchange) || decision.stage === 'cancelled') return cancelled(exchange);
  if (decision.left && (decision.stage === 'taken' || decision.stage === 'done'))
    return { do: 'take', place: decision.left };
  return exchange.stage === 'leaving' ? { do: 'leave' } : { do: 'wait' };
}

/** The one that leads is through only when the other has its disk, for until then it says where that is. */
function planMark({ partner }: ExchangeView, exchange: Exchange): ExchangeStep {
  const other = partner?.status.exchange;
  const hasFollowed = isSame(other, exchange) && (other?.stage === 'taken' || other?.stage === 'done');
  return { do: 'mark', isLast: !exchange.leads || !partner || hasFollowed };
}

/** It has a disk, stays, and is in no other exchange. */
function isFit(other: Volume | undefined, exchange?: Exchange): other is Volume {
  if (!other || other.metadata.deletionTimestamp !== undefined || other.status.volid === undefined) return false;
  return !isExchanging(other) || (exchange !== undefined && isSame(other.status.exchange, exchange));
}

function isSame(a: Exchange | undefined, b: Exchange | undefined): boolean {
  return a !== undefined && a.restore === b?.restore && a.turn === b.turn;
}

function same({ restore, turn }: Exchange): Pick<Exchange, 'restore' | 'turn'> {
  return { restore, turn };
}

function note(exchange: Omit<Exchange, 'since'>): ExchangeStep {
  return { do: 'note', exchange };
}

function cancelled(exchange: Exchange): ExchangeStep {
  return note({ ...exchange, stage: 'cancelled' });
}
