import { rm } from 'node:fs/promises';
import type { Resource } from '../../crds/define-kind.ts';
import { durationMs } from '../../crds/duration.ts';
import { WEBHOOK_REQUESTED_AT } from '../../crds/meta.ts';
import type { RepoSync } from '../../crds/repo-sync.ts';
import { RECONCILE_REQUESTED_AT } from '../../controller/pass-runner.ts';
import type { Pass } from '../../controller/reconciler.ts';
import { sameJson } from '../../controller/same-json.ts';
import type { SecretContent } from '../../controller/secrets/secret-values.ts';
import { Jobs } from '../shared/jobs.ts';
import { lookAtSource, plainSecrets, type Look, type SourceContent, type SourceDeps } from './look-at-source.ts';
import { listed, type SourceProblem } from './source-problem.ts';

export interface SourceWatchDeps extends SourceDeps {
  readSecret: (namespace: string, name: string) => SecretContent;
}

/** What is known of a repository between passes. After a restart it is read anew. */
export interface SourceMemory {
  /** Of the RepoSync whose spec was followed. */
  generation: number;
  /** What had been asked for, by hand or by a webhook, when the last look began. */
  asked: Asked;
  lookedAtMs: number;
  /** What the repository states; undefined before the first look ended, and after one that ended in trouble. */
  content: SourceContent | undefined;
  problem: SourceProblem | undefined;
  /** How each stated object was when it was last seen to be as stated, by its text. */
  steady: Map<string, Resource>;
}

interface Asked {
  byHand: string | undefined;
  byWebhook: string | undefined;
}

/** However eager somebody is, a repository is not asked more often without being told to. */
const SHORTEST_INTERVAL_MS = 5_000;
const SECRETS_NAMED = 5;

/** Looks at repositories beside the passes: when the interval is over, the spec changed, or somebody asks for it. */
export class SourceWatch {
  readonly #deps: SourceWatchDeps;
  readonly #jobs: Jobs<{ look: Look; asked: Asked }>;
  readonly #memories = new Map<string, SourceMemory>();
  #prepared: Promise<void> | undefined;

  /** `onEnd` is called with the uid of a RepoSync when a look ended. */
  constructor(deps: SourceWatchDeps, onEnd: (uid: string) => void) {
    this.#deps = deps;
    this.#jobs = new Jobs(onEnd);
  }

  /** Takes in a look that ended, and begins one when it is time. Throws what nobody foresaw in a look. */
  look(pass: Pass<RepoSync>): SourceMemory {
    const { metadata, spec } = pass.resource;
    const { uid, generation, annotations = {} } = metadata;
    const asked: Asked = { byHand: annotations[RECONCILE_REQUESTED_AT], byWebhook: annotations[WEBHOOK_REQUESTED_AT] };
    const memory = this.#memoryOf(uid, generation, asked);
    const stage = String(generation);
    const job = this.#jobs.look(uid, stage);
    if (job?.state === 'running') return memory;
    if (job) {
      this.#jobs.forget(uid);
      memory.lookedAtMs = pass.now.getTime();
      if (job.state === 'failed') throw job.error;
      takeIn(pass, memory, job.result);
    }
    const isDue = pass.now.getTime() - memory.lookedAtMs >= intervalOf(pass.resource);
    if (!isDue && sameJson(asked, memory.asked)) return memory;
    const secret = spec.secretRef && this.#deps.readSecret(metadata.namespace ?? '', spec.secretRef.name);
    memory.asked = asked;
    if (secret && !secret.ok) {
      const { reason, message } = secret;
      return Object.assign(memory, {
        lookedAtMs: pass.now.getTime(),
        content: undefined,
        problem: { reason, message },
      });
    }
    const known = memory.content?.commit;
    this.#jobs.start(uid, stage, async (signal) => {
      // What a killed process left there.
      await (this.#prepared ??= rm(this.#deps.workDir, { recursive: true, force: true }));
      return { look: await lookAtSource(this.#deps, pass.resource, secret?.values, known, signal), asked };
    });
    return memory;
  }

  /** Stops a look under way, and begins anew with the next. */
  forget(uid: string): void {
    this.#jobs.abort(uid);
    this.#memories.delete(uid);
  }

  /** True while a look that was stopped still holds files. */
  isEnding(uid: string): boolean {
    return this.#jobs.isEnding(uid);
  }

  close(): void {
    this.#jobs.abortAll();
  }

  #memoryOf(uid: string, generation: number, asked: Asked): SourceMemory {
    const kept = this.#memories.get(uid);
    if (kept?.generation === generation) return kept;
    const memory: SourceMemory = {
      generation,
      asked,
      lookedAtMs: -Infinity,
      content: undefined,
      problem: undefined,
      steady: new Map(),
    };
    this.#memories.set(uid, memory);
    return memory;
  }
}

/** Milliseconds between two looks at a repository. */
export function intervalOf({ spec }: RepoSync): number {
  return Math.max(SHORTEST_INTERVAL_MS, durationMs(spec.interval));
}

function takeIn(pass: Pass<RepoSync>, memory: SourceMemory, { look, asked }: { look: Look; asked: Asked }): void {
  if (asked.byWebhook !== undefined) pass.status.lastHandledWebhook = asked.byWebhook;
  switch (look.type) {
    case 'same':
      return;
    case 'trouble':
      memory.problem = look.problem;
      memory.content = undefined;
      return;
    case 'new':
      memory.problem = undefined;
      memory.content = look.content;
      memory.steady.clear();
      if (pass.status.revision !== look.content.commit) tellNew(pass, look.content);
      return;
    default:
      return look satisfies never;
  }
}

function tellNew(pass: Pass<RepoSync>, content: SourceContent): void {
  pass.status.fetchedAt = pass.now.toISOString();
  const plain = plainSecrets(content);
  if (plain.length === 0) return;
  const names = listed(plain, SECRETS_NAMED);
  pass.event('Warning', 'PlainSecret', `Commit ${content.commit} shows the values of ${names} to all who can read it.`);
}
