import { rm } from 'node:fs/promises';
import type { Build } from '../../crds/build.ts';
import { findCondition } from '../../crds/condition.ts';
import type { Clock } from '../../controller/clock.ts';
import type { LogStore } from '../../controller/logs.ts';
import { stalled, waiting, type Outcome } from '../../controller/outcome.ts';
import type { Pass } from '../../controller/reconciler.ts';
import { Jobs } from '../shared/jobs.ts';
import { Setbacks } from '../shared/setbacks.ts';
import type { Trouble } from '../shared/trouble.ts';
import { buildImage } from './build-image.ts';
import { BuildLog } from './build-log.ts';
import { detectStrategy } from './detect-strategy.ts';
import { exportArtifact } from './export-artifact.ts';
import { verdictOn } from './failure.ts';
import { fetchSource } from './fetch-source.ts';
import { readBuildSecrets, type ReadSecret } from './read-secrets.ts';
import { workFolder } from './source-folder.ts';
import type { StageDeps, StageResult } from './stage.ts';

export interface WorkDeps extends Omit<StageDeps, 'docker' | 'platform'> {
  readSecret: ReadSecret;
  logs: LogStore;
  /** Takes the values of Secrets out of a line of a log. */
  redact: (text: string) => string;
  clock: Clock;
}

const WATCH_MS = 1_000;
const SECRET_RECHECK_MS = 30_000;
const stageWork = {
  Fetching: fetchSource,
  Detecting: detectStrategy,
  Building: buildImage,
  Exporting: exportArtifact,
} as const;

export type WorkingState = keyof typeof stageWork;

/** The long work of builds, which runs beside the passes: they start it, look at it and stop it. */
export class BuildWork {
  readonly #deps: WorkDeps;
  readonly #jobs: Jobs<StageResult>;
  readonly #setbacks = new Setbacks();
  readonly #logs = new Map<string, BuildLog>();

  /** `onEnd` is called with the uid of a build whose work ended, well, badly or aborted. */
  constructor(deps: WorkDeps, onEnd: (uid: string) => void) {
    this.#deps = deps;
    this.#jobs = new Jobs(onEnd);
  }

  /** Takes what the stage's work came to into the status; answers how far running work is, in per cent. */
  async collect(pass: Pass<Build>): Promise<number> {
    const { uid } = pass.resource.metadata;
    const job = this.#jobs.look(uid, pass.status.machine?.state ?? '');
    if (!job) return 0;
    if (job.state === 'running') return job.progress;
    const log = this.#logOf(pass.resource);
    this.#jobs.forget(uid);
    if (job.state === 'done') {
      await log.endStage();
      this.#setbacks.clear(uid);
      pass.status = { ...pass.status, ...job.result };
      return 0;
    }
    const { verdict, reason, message: words } = verdictOn(job.error);
    // They may repeat what a command printed.
    const message = this.#deps.redact(words);
    if (reason === 'InternalError') pass.log.error({ err: job.error }, 'A bug: a stage of a build failed.');
    log.write(message, 'system');
    await log.endStage();
    if (verdict === 'again') this.#setbacks.note(uid, { reason, message }, pass.now);
    else pass.status = { ...pass.status, failure: message, failureReason: reason };
    return 0;
  }

  /** Starts the work of a state unless it is under way. */
  run(pass: Pass<Build>, state: WorkingState, on: Pick<StageDeps, 'docker' | 'platform'>): Outcome {
    const { uid } = pass.resource.metadata;
    const setback = this.#setbacks.last(uid);
    const restMs = this.#setbacks.restMs(uid, pass.now);
    if (setback && restMs > 0) return held(setback, restMs);
    if (!this.#jobs.look(uid, state)) {
      const secrets = readBuildSecrets(pass.resource, this.#deps.readSecret);
      if (!secrets.ok) return stalled('SecretNotFound', secrets.message, SECRET_RECHECK_MS);
      const input = { build: pass.resource, status: pass.status, ...secrets.values, log: this.#logOf(pass.resource) };
      this.#jobs.start(uid, state, (signal, progress) =>
        stageWork[state]({ ...this.#deps, ...on }, { ...input, signal, progress }),
      );
    }
    // While a repeated try runs, what the one before came to is still the news.
    if (setback) return held(setback, WATCH_MS);
    const ready = findCondition(pass.status.conditions, 'Ready');
    return waiting(ready?.reason ?? 'InProgress', ready?.message ?? `The build is ${state}.`, WATCH_MS);
  }

  abort(uid: string): void {
    this.#jobs.abort(uid);
  }

  /** True while work that was aborted still holds what it works on. */
  isEnding(uid: string): boolean {
    return this.#jobs.isEnding(uid);
  }

  abortAll(): void {
    this.#jobs.abortAll();
  }

  /** Forgets a build that ended, with its folder. Nothing of it may be at work. */
  async tidy(build: Build): Promise<void> {
    const { uid } = build.metadata;
    await this.#logs.get(uid)?.endStage();
    this.#logs.delete(uid);
    this.#jobs.forget(uid);
    this.#setbacks.clear(uid);
    await rm(workFolder(this.#deps.artifacts, build), { recursive: true, force: true });
  }

  #logOf({ metadata: { uid } }: Build): BuildLog {
    const { logs: store, clock, redact } = this.#deps;
    const log = this.#logs.get(uid) ?? new BuildLog({ store, buildUid: uid, clock, redact });
    this.#logs.set(uid, log);
    return log;
  }
}

/** Nobody but a person can install a program; the rest may be better next time. */
function held({ reason, message }: Trouble, afterMs: number): Outcome {
  return reason === 'ToolMissing' ? stalled(reason, message, afterMs) : waiting(reason, message, afterMs);
}
