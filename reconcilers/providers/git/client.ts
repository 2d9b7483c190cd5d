/** How to show a repository who we are. Never in its URL: that is logged, stored and shown. */
export type GitCredentials =
  | { kind: 'basic'; username: string; password: string }
  | { kind: 'token'; token: string }
  /** `knownHosts` in the format of OpenSSH; without it the host's first key is believed. */
  | { kind: 'sshKey'; key: string; knownHosts?: string };

export interface GitRepository {
  /** http(s), ssh, `user@host:path`, or where the server allows it a path or file URL. */
  url: string;
  credentials?: GitCredentials;
}

export interface GitCheckout {
  commit: string;
  /** First line of the commit message. */
  message: string;
  /** Name of the author. */
  author: string;
  /** Bytes of all files, without Git's own. */
  bytes: number;
}

/** Git repositories as loops see them. Throws GitFault, whose message says what to do. */
export interface GitClient {
  /**
   * The commit that a branch or tag points at, or HEAD without one. A commit id given is checked for its form only and
   * answered as it is: whether the repository has it shows at the checkout.
   */
  resolve(
    repository: GitRepository,
    ref: { branch?: string; commit?: string },
    signal: AbortSignal,
  ): Promise<{ commit: string }>;
  /**
   * The commits that several branches or tags point at, in one call; `HEAD` is the default branch. What the repository does not
   * have is left out.
   */
  tips(
    repository: GitRepository,
    branches: readonly string[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, string>>;
  /** The files of exactly that commit in `into`, which is made or must be empty; no `.git`, submodules are empty folders. */
  checkout(repository: GitRepository, commit: string, into: string, signal: AbortSignal): Promise<GitCheckout>;
}
