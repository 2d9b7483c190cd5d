import { createConnection, type Socket } from 'node:net';
import { StringDecoder } from 'node:string_decoder';
import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import type { Clock } from '../../../controller/clock.ts';
import type { LogLine, LogStore } from '../../../controller/logs.ts';
import type { GuestEvent } from './events.ts';
import type { LogPiece } from './frames.ts';
import type { GuestEndpoint, GuestHistory, GuestLinks, GuestLinkState } from './guest-links.ts';
import { createGuestOrders } from './guest-orders.ts';
import { afterEvent, inProcessState } from './link-state.ts';
import { createLogBatch, type LogBatch } from './log-batch.ts';
import { decodePosition, encodePosition, epochSize, lastEpoch, type LogPosition } from './log-position.ts';
import { describeSupervisorEvent, readSupervisorEvent } from './supervisor-event.ts';
import { startSession, type Session, type SessionEnd, type Welcome } from './supervisor-session.ts';

export interface GuestLinksOptions {
  logStore: LogStore;
  clock: Clock;
  log: Pick<Logger, 'debug' | 'warn'>;
  /** At least once for each event: those that were not stored before a crash come again. */
  onEvent?: (guestUid: string, event: GuestEvent) => void;
  onState?: (guestUid: string, state: GuestLinkState) => void;
  connect?: (host: string, port: number) => Socket;
  /** 0 to 1, for spreading attempts. */
  random?: () => number;
}

type LinkOptions = Required<GuestLinksOptions>;

/** Opens the links of a controller; the stream of a guest is `guest/UID`. An idle link costs a socket and no timer. */
export function createGuestLinks(options: GuestLinksOptions): GuestLinks {
  const whole: LinkOptions = {
    onEvent: () => undefined,
    onState: () => undefined,
    connect: (host, port) => createConnection({ host, port }),
    random: Math.random,
    ...options,
  };
  const links = new Map<string, GuestLink>();

  async function drop(guestUid: string): Promise<void> {
    const link = links.get(guestUid);
    links.delete(guestUid);
    await link?.end();
  }

  return {
    ...createGuestOrders((guestUid) => links.get(guestUid)?.endpoint, whole),
    ensure(guestUid, endpoint, history) {
      const link = links.get(guestUid);
      if (link) return link.moveTo(endpoint);
      links.set(guestUid, new GuestLink(guestUid, endpoint, history ?? { restarts: 0 }, whole));
    },
    drop,
    state: (guestUid) => links.get(guestUid)?.state,
    async close() {
      await Promise.all([...links.keys()].map(drop));
    },
  };
}

const firstRetryMs = 100;
const lastRetryMs = 30_000;
/** A connection that lasted so long was a good one. */
const steadyMs = 2_000;

class GuestLink {
  readonly #uid: string;
  readonly #options: LinkOptions;
  readonly #batch: LogBatch;
  #endpoint: GuestEndpoint;
  #state: GuestLinkState;
  /** Where the log goes on; unknown until the store has told. */
  #position: LogPosition | undefined;
  #session: Session | undefined;
  #cancelRetry: (() => void) | undefined;
  #failures = 0;
  #full = false;
  #ended = false;
  /** Events before this offset are history: they do not say what the process does now. */
  #liveFrom = 0;
  /** Frames before this offset are stored, or on their way; they may be read once more, for what they tell. */
  #takenTo = 0;
  /** The supervisor's last word is that the process is finished, and the log was read up to it. */
  #heardEnd = false;
  /** The supervisor says that the process is finished; how it ended stands in what is still to be read. */
  #awaitsEnd = false;
  /** No frame was understood since the log was asked for. */
  #untouched = false;
  #connectedAtMs = 0;
  readonly #decoders: Partial<Record<LogLine['source'], StringDecoder>> = {};

  constructor(uid: string, endpoint: GuestEndpoint, { restarts, lastExit }: GuestHistory, options: LinkOptions) {
    const { logStore, clock, log } = options;
    this.#uid = uid;
    this.#options = options;
    this.#endpoint = endpoint;
    this.#state = { connected: false, process: 'unknown', listening: false, restarts, ...(lastExit && { lastExit }) };
    this.#batch = createLogBatch({
      logStore,
      clock,
      log,
      stream: `guest/${uid}`,
      onFull: (full) => {
        this.#full = full;
        this.#session?.pause(full);
      },
    });
    void this.#begin();
  }

  get endpoint(): GuestEndpoint {
    return this.#endpoint;
  }

  get state(): GuestLinkState {
    return this.#state;
  }

  moveTo(endpoint: GuestEndpoint): void {
    if (isDeepStrictEqual(endpoint, this.#endpoint)) return;
    this.#endpoint = endpoint;
    this.#failures = 0;
    if (this.#position) this.#connect();
  }

  async end(): Promise<void> {
    this.#ended = true;
    this.#cancelRetry?.();
    this.#session?.close();
    await this.#batch.end();
  }

  /** The log store is asked once; after that the link itself knows best. */
  async #begin(): Promise<void> {
    try {
      const position = await this.#options.logStore.resumeAt(`guest/${this.#uid}`);
      if (this.#ended) return;
      this.#position = decodePosition(position ?? 0);
      this.#connect();
    } catch (err) {
      this.#options.log.warn({ err, guest: this.#uid }, 'The log store does not say where the log of a guest goes on.');
      this.#retry(() => void this.#begin());
    }
  }

  #connect(): void {
    this.#cancelRetry?.();
    this.#session?.close();
    const { host, port, secret } = this.#endpoint;
    this.#session = startSession(this.#options.connect(host, port), secret, this.#options.clock, {
      welcome: (welcome) => this.#welcome(welcome),
      pieces: (pieces) => pieces.forEach((piece) => this.#take(piece)),
      ended: (end) => this.#lost(end),
    });
    this.#session.pause(this.#full);
  }

  #welcome({ end, process }: Welcome): number {
    let position = this.#position ?? { epoch: 0, offset: 0 };
    this.#takenTo = Math.max(this.#takenTo, position.offset);
    if (this.#takenTo > end) position = this.#beginAnew(position);
    this.#awaitsEnd = process === 'finished' && !this.#heardEnd;
    // How it ended may have been stored by a controller that died before it told: then all is read again.
    if (this.#awaitsEnd) position = { ...position, offset: 0 };
    this.#position = position;
    this.#liveFrom = end;
    this.#untouched = true;
    this.#connectedAtMs = this.#options.clock.monotonicMs();
    const { trouble: _, ...state } = this.#state;
    this.#setState({ ...inProcessState(state, this.#awaitsEnd ? 'unknown' : process), connected: true });
    return position.offset;
  }

  /** All is read that was there when the supervisor said that the process is finished. An end that was not among it is unknown. */
  #concludeEnd(): void {
    this.#awaitsEnd = false;
    const { lastExit: _, ...rest } = this.#state;
    this.#setState(inProcessState(this.#heardEnd ? this.#state : rest, 'finished'));
    this.#heardEnd = true;
  }

  /** The guest has another log than the one read so far. */
  #beginAnew({ epoch }: LogPosition): LogPosition {
    const position = { epoch: Math.min(epoch + 1, lastEpoch), offset: 0 };
    this.#takenTo = 0;
    this.#addSystemLine(position, 'The log begins anew: the guest was made again, or lost its disk.');
    return position;
  }

  #lost({ how, why }: SessionEnd): void {
    this.#session = undefined;
    const before = this.#position;
    if (how === 'garbled' && this.#untouched && before && before.offset > 0) this.#position = this.#beginAnew(before);
    this.#untouched = false;
    if (how === 'refused') this.#failures = Infinity;
    const lastedMs = this.#options.clock.monotonicMs() - this.#connectedAtMs;
    if (this.#state.connected && lastedMs >= steadyMs) this.#failures = 0;
    this.#options.log.debug({ guest: this.#uid, why }, 'No connection to the supervisor of a guest.');
    this.#setState({ ...this.#state, connected: false, trouble: why });
    this.#retry(() => this.#connect());
  }

  #retry(again: () => void): void {
    if (this.#ended) return;
    const delayMs = Math.min(lastRetryMs, firstRetryMs * 2 ** this.#failures);
    this.#failures += 1;
    this.#cancelRetry = this.#options.clock.after(delayMs * (0.75 + this.#options.random() / 2), again);
  }

  #take(piece: LogPiece): void {
    const { epoch, offset } = this.#position ?? { epoch: 0, offset: 0 };
    this.#untouched = this.#untouched && piece.type === 'position';
    if (piece.type === 'position') {
      if (piece.offset < offset || piece.offset >= epochSize) throw new Error('the supervisor contradicts itself');
      this.#position = { epoch, offset: piece.offset };
      const missing = piece.offset - Math.max(piece.from, this.#takenTo);
      if (missing > 0)
        this.#addSystemLine(this.#position, `${missing} bytes of the log are gone: the guest kept no more.`);
      if (this.#awaitsEnd && piece.offset >= this.#liveFrom) this.#concludeEnd();
      return;
    }
    const position = { epoch, offset: piece.end };
    this.#position = position;
    const text = this.#textOf(piece);
    const event = piece.stream === 'system' ? readSupervisorEvent(text, piece.time) : undefined;
    if (piece.end > this.#takenTo) {
      this.#batch.add({
        position: encodePosition(position),
        time: piece.time,
        source: piece.stream,
        text: event ? describeSupervisorEvent(event) : text,
      });
    }
    if (event) this.#noteEvent(event, piece.end);
    if (this.#awaitsEnd && piece.end >= this.#liveFrom) this.#concludeEnd();
  }

  #noteEvent(event: GuestEvent, end: number): void {
    if (event.type === 'finished') this.#heardEnd = true;
    else if (event.type === 'boot' || event.type === 'start') this.#heardEnd = false;
    const next = afterEvent(this.#state, event);
    const { process, listening } = this.#state;
    this.#setState(end > this.#liveFrom ? next : { ...next, process, listening });
    this.#options.onEvent(this.#uid, event);
  }

  /** A character may be cut where a long line is, and the store cannot keep NUL. */
  #textOf({ stream, data, more }: Extract<LogPiece, { type: 'frame' }>): string {
    let decoder = this.#decoders[stream];
    if (more) this.#decoders[stream] = decoder ??= new StringDecoder('utf8');
    else delete this.#decoders[stream];
    const text = decoder ? decoder.write(data) + (more ? '' : decoder.end()) : data.toString('utf8');
    return text.replaceAll('\0', '\uFFFD');
  }

  #addSystemLine(position: LogPosition, text: string): void {
    this.#batch.add({ position: encodePosition(position), time: this.#options.clock.now(), source: 'system', text });
  }

  #setState(state: GuestLinkState): void {
    if (isDeepStrictEqual(state, this.#state)) return;
    this.#state = state;
    this.#options.onState(this.#uid, state);
  }
}
