import type { Backup } from '../../crds/backup.ts';
import { waiting, type Outcome } from '../../controller/outcome.ts';
import type { Pass } from '../../controller/reconciler.ts';
import { Jobs } from '../shared/jobs.ts';
import { Setbacks } from '../shared/setbacks.ts';
import type { Trouble } from '../shared/trouble.ts';
import { copyArchive, type CopyDeps, type CopyInput, type CopyResult } from './copy-archive.ts';
import { copyTrouble } from '../shared/copy-failure.ts';

/** Encrypting takes most of a core and some 90 MiB while it lasts, and all share the way to the bucket. */
const MOST_AT_ONCE = 1;
const WATCH_MS = 2_000;
const TURN_CHECK_MS = 5_000;
const STAGE = 'copy';

/** The copying of backups, which runs beside the passes: they start it, look at it and stop it. */
export class CopyWork {
  readonly #deps: CopyDeps;
  readonly #jobs: Jobs<CopyResult>;
  readonly #setbacks = new Setbacks();

  /** `onEnd` is called with the uid of a backup whose copying ended, well, badly or aborted. */
  constructor(deps: CopyDeps, onEnd: (uid: string) => void) {
    this.#deps = deps;
    this.#jobs = new Jobs(onEnd);
  }

  /** Takes into the status what copying came to since the last look. */
  collect(pass: Pass<Backup>): void {
    const { uid } = pass.resource.metadata;
    const job = this.#jobs.look(uid, STAGE);
    if (!job || job.state === 'running') return;
    this.#jobs.forget(uid);
    if (job.state === 'done') {
      this.#setbacks.clear(uid);
      const { copying: _, ...rest } = pass.status;
      pass.status = { ...rest, copy: { ...job.result, completedAt: pass.now.toISOString() } };
      return;
    }
    const { reason, message, isFinal } = copyTrouble(job.error);
    if (reason === 'InternalError') pass.log.error({ err: job.error }, 'A bug: the copy of a backup failed.');
    this.note(pass, { reason, message }, isFinal);
  }

  /** Notes that a try failed; the next one comes after a pause that grows. */
  note(pass: Pass<Backup>, { reason, message }: Trouble, isFinal = false): void {
    const { copying } = pass.status;
    this.#setbacks.note(pass.resource.metadata.uid, { reason, message }, pass.now);
    const startedAt = copying?.startedAt ?? pass.now.toISOString();
    pass.status = {
      ...pass.status,
      copying: { startedAt, over: isFinal, failure: message, failureReason: reason },
    };
  }

  /** What a pass waits for after a try that failed, until it is time for the next one. */
  pause(pass: Pass<Backup>): Outcome | undefined {
    const { uid } = pass.resource.metadata;
    const last = this.#setbacks.last(uid);
    const restMs = this.#setbacks.restMs(uid, pass.now);
    return last && restMs > 0 ? waiting(last.reason, last.message, restMs) : undefined;
  }

  /** Starts copying unless it is under way, or is not its turn. */
  run(pass: Pass<Backup>, input: Pick<CopyInput, 'guestUid' | 'access'>): Outcome {
    const { uid } = pass.resource.metadata;
    if (!this.isRunning(uid)) {
      if (this.#jobs.running >= MOST_AT_ONCE)
        return waiting('Copying', 'Another backup is being copied; one is at a time.', TURN_CHECK_MS);
      const backup = { ...pass.resource, status: pass.status };
      const runId = `${uid}-a${pass.now.getTime()}`;
      this.#jobs.start(uid, STAGE, (signal) => copyArchive(this.#deps, { ...input, backup, runId }, signal));
    }
    return waiting('Copying', 'The backup is being copied to its bucket.', WATCH_MS);
  }

  isRunning(uid: string): boolean {
    return this.#jobs.look(uid, STAGE)?.state === 'running';
  }

  /** Stops what is under way and forgets the rest. True once nothing of it holds anything any more. */
  stop(uid: string): boolean {
    this.#jobs.abort(uid);
    this.#setbacks.clear(uid);
    return !this.#jobs.isEnding(uid);
  }

  stopAll(): void {
    this.#jobs.abortAll();
  }
}
