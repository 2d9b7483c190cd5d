import PQueue from 'p-queue';
import type { Clock } from '../../../controller/clock.ts';
import type { GitClient, GitRepository } from './client.ts';
import { GitFault, isGitFault } from './fault.ts';

/** Where a branch is. `unknown`: nobody has looked yet, or not since it mattered. */
export type Tip =
  | { state: 'unknown' }
  | { state: 'known'; commit: string }
  /** The last look came to nothing. It is tried again. */
  | { state: 'trouble'; fault: GitFault };

/** Somebody who wants to know where a branch is. */
export interface Follower {
  id: string;
  repository: GitRepository;
  /** `HEAD` for the default branch. */
  branch: string;
  /** The commit that is known from elsewhere. A look that began before it was known says nothing against it. */
  known: string | undefined;
  /** Called when there is something new to know. */
  wake(): void;
}

interface BranchTipsOptions {
  git: Pick<GitClient, 'tips'>;
  clock: Pick<Clock, 'after'>;
  /** Between two looks at a repository. */
  intervalMs?: number;
}

interface Followed {
  repository: GitRepository;
  followers: Map<string, Following>;
  /** By branch; what the last look that ended came to. */
  tips: ReadonlyMap<string, Tip>;
  /** Looks that have begun, and the number of the one that ended last. */
  begun: number;
  ended: number;
  running: AbortController | undefined;
  /** A look is wanted as soon as the running one ended. */
  again: boolean;
  /** A look is planned at once, not after the interval. */
  isSoon: boolean;
  cancel: () => void;
}

interface Following {
  branch: string;
  known: string | undefined;
  /** Only looks after this one count. */
  after: number;
  /** It was told that nothing is known, and waits. */
  waits: boolean;
  wake(): void;
}

const INTERVAL_MS = 60_000;
/** Whoever asks within so long is answered by one look. */
const BATCH_MS = 200;
const LOOK_TIMEOUT_MS = 60_000;
const AT_ONCE = 4;

/** Asks repositories where their branches are, again and again: one call for all who follow the same repository. */
export class BranchTips {
  readonly #git: Pick<GitClient, 'tips'>;
  readonly #clock: Pick<Clock, 'after'>;
  readonly #intervalMs: number;
  readonly #queue = new PQueue({ concurrency: AT_ONCE });
  readonly #followed = new Map<string, Followed>();
  readonly #keys = new Map<string, string>();

  constructor({ git, clock, intervalMs = INTERVAL_MS }: BranchTipsOptions) {
    this.#git = git;
    this.#clock = clock;
    this.#intervalMs = intervalMs;
  }

  /** Where the branch is, as far as is known; from now on it is looked at, until `forget`. */
  follow({ id, repository, branch, known, wake }: Follower): Tip {
    const key = JSON.stringify([repository.url, repository.credentials ?? null]);
    if (this.#keys.get(id) !== key) this.forget(id);
    this.#keys.set(id, key);
    const followed = this.#followed.get(key) ?? this.#begin(key, repository);
    const before = followed.followers.get(id);
    const isSame = before?.branch === branch && before.known === known;
    const after = isSame ? before.after : followed.begun;
    const tip = followed.tips.get(branch);
    const isNews = tip?.state !== 'known' || tip.commit !== known;
    const isLate = tip === undefined || (isNews && followed.ended <= after && tip.state === 'known');
    followed.followers.set(id, { branch, known, after, waits: isLate, wake });
    if (!isLate) return tip;
    if (followed.begun <= after || tip === undefined) this.#askSoon(followed);
    return { state: 'unknown' };
  }

  /** Looks at once, because somebody says that there is something to see. */
  askNow(id: string): void {
    const followed = this.#followed.get(this.#keys.get(id) ?? '');
    if (followed) this.#askSoon(followed);
  }

  forget(id: string): void {
    const key = this.#keys.get(id);
    this.#keys.delete(id);
    const followed = key === undefined ? undefined : this.#followed.get(key);
    followed?.followers.delete(id);
    if (key === undefined || !followed || followed.followers.size > 0) return;
    this.#end(followed);
    this.#followed.delete(key);
  }

  /** Stops all looks and forgets everybody. */
  close(): void {
    for (const followed of this.#followed.values()) this.#end(followed);
    this.#followed.clear();
    this.#keys.clear();
  }

  #begin(key: string, repository: GitRepository): Followed {
    const followed: Followed = {
      repository,
      followers: new Map(),
      tips: new Map(),
      begun: 0,
      ended: 0,
      running: undefined,
      again: false,
      isSoon: false,
      cancel: () => undefined,
    };
    this.#followed.set(key, followed);
    return followed;
  }

  #end(followed: Followed): void {
    followed.cancel();
    followed.running?.abort();
  }

  #askSoon(followed: Followed): void {
    if (followed.running) followed.again = true;
    else if (!followed.isSoon) this.#plan(followed, true);
  }

  #plan(followed: Followed, isSoon: boolean): void {
    followed.cancel();
    followed.isSoon = isSoon;
    followed.cancel = this.#clock.after(isSoon ? BATCH_MS : this.#intervalMs, () => {
      followed.running = new AbortController();
      const { signal } = followed.running;
      void this.#queue.add(() => this.#look(followed, signal));
    });
  }

  async #look(followed: Followed, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    followed.begun += 1;
    const look = followed.begun;
    const branches = [...new Set([...followed.followers.values()].map(({ branch }) => branch))];
    const tips = await this.#ask(followed.repository, branches, signal);
    if (signal.aborted) return;
    const before = followed.tips;
    Object.assign(followed, { tips, ended: look, running: undefined });
    this.#plan(followed, followed.again);
    followed.again = false;
    for (const follower of followed.followers.values()) {
      const { branch, waits, wake } = follower;
      follower.waits = false;
      if (waits || tipText(before.get(branch)) !== tipText(tips.get(branch))) wake();
    }
  }

  async #ask(
    repository: GitRepository,
    branches: readonly string[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, Tip>> {
    try {
      const limited = AbortSignal.any([signal, AbortSignal.timeout(LOOK_TIMEOUT_MS)]);
      const commits = await this.#git.tips(repository, branches, limited);
      return new Map(branches.map((branch) => [branch, tipOf(commits.get(branch), repository, branch)]));
    } catch (cause) {
      const message = `The repository ${repository.url} did not answer. It is asked again.`;
      const fault = isGitFault(cause) ? cause : new GitFault('unavailable', message, { cause });
      return new Map(branches.map((branch) => [branch, { state: 'trouble', fault }]));
    }
  }
}

function tipOf(commit: string | undefined, { url }: GitRepository, branch: string): Tip {
  if (commit !== undefined) return { state: 'known', commit };
  const message = `The repository ${url} has no ${branch === 'HEAD' ? 'commit' : `branch or tag "${branch}"`} now. Push it, or correct spec.source.`;
  return { state: 'trouble', fault: new GitFault('refNotFound', message) };
}

function tipText(tip: Tip | undefined): string | undefined {
  return tip?.state === 'trouble' ? tip.fault.message : tip?.state === 'known' ? tip.commit : undefined;
}
