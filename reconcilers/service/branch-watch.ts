import { findCondition, type ConditionInput } from '../../crds/condition.ts';
import { WEBHOOK_REQUESTED_AT } from '../../crds/meta.ts';
import type { Service } from '../../crds/service.ts';
import type { Clock } from '../../controller/clock.ts';
import { RECONCILE_REQUESTED_AT } from '../../controller/pass-runner.ts';
import type { SecretContent } from '../../controller/secrets/secret-values.ts';
import type { ObjectKey } from '../../controller/store/store.ts';
import { BranchTips } from '../providers/git/branch-tips.ts';
import type { GitClient } from '../providers/git/client.ts';
import { gitCredentialsOf } from '../shared/git-credentials.ts';
import { sourceReasons } from '../shared/source-reasons.ts';
import { followsBranch } from './new-commit.ts';

export interface BranchWatchDeps {
  git: Pick<GitClient, 'tips'>;
  clock: Pick<Clock, 'after'>;
  readSecret: (namespace: string, name: string) => SecretContent;
}

/** Where the branch of a service is. */
export interface BranchLook {
  /** The newest commit; undefined while that is not known. */
  tip: string | undefined;
  /** What there is to say of it; undefined for a service that follows no branch. */
  claim: ConditionInput | undefined;
}

/** Follows the branches of services: looks in an interval, and at once when a webhook or a hand asks for it. */
export class BranchWatch {
  readonly #tips: BranchTips;
  readonly #readSecret: BranchWatchDeps['readSecret'];
  /** What had been asked for when a service was last looked at. */
  readonly #asked = new Map<string, string>();

  constructor({ git, clock, readSecret }: BranchWatchDeps) {
    this.#tips = new BranchTips({ git, clock });
    this.#readSecret = readSecret;
  }

  /** `ofNewest` is the commit of the newest revision, and `wake` is called with the key of a service when its branch moved. */
  look(service: Service, ofNewest: string | undefined, wake: (key: ObjectKey) => void): BranchLook {
    const { metadata, spec } = service;
    const { uid, namespace = '', annotations = {} } = metadata;
    const { repository: url, branch = 'HEAD', secretRef } = spec.source;
    if (!followsBranch(spec) || url === undefined) {
      this.forget(uid);
      return { tip: undefined, claim: undefined };
    }
    const secret = secretRef && this.#readSecret(namespace, secretRef.name);
    if (secret && !secret.ok) {
      this.forget(uid);
      return { tip: undefined, claim: isNot(secret.reason, secret.message) };
    }
    const credentials = secret && gitCredentialsOf(secret.values);
    const tip = this.#tips.follow({
      id: uid,
      repository: { url, ...(credentials && { credentials }) },
      branch,
      known: ofNewest,
      wake: () => wake(metadata),
    });
    const asked = `${annotations[RECONCILE_REQUESTED_AT]} ${annotations[WEBHOOK_REQUESTED_AT]}`;
    if ((this.#asked.get(uid) ?? asked) !== asked) this.#tips.askNow(uid);
    this.#asked.set(uid, asked);

    const name = branch === 'HEAD' ? 'The default branch' : `The branch ${branch}`;
    switch (tip.state) {
      case 'unknown':
        return { tip: undefined, claim: findCondition(service.status.conditions, 'SourceFollowed') ?? openClaim };
      case 'trouble':
        return { tip: undefined, claim: isNot(sourceReasons[tip.fault.meaning], tip.fault.message) };
      case 'known':
        return {
          tip: tip.commit,
          claim: {
            type: 'SourceFollowed',
            status: 'True',
            reason: 'SourceFetched',
            message: `${name} is at commit ${tip.commit}.`,
          },
        };
      default:
        return tip satisfies never;
    }
  }

  forget(uid: string): void {
    this.#tips.forget(uid);
    this.#asked.delete(uid);
  }

  close(): void {
    this.#tips.close();
    this.#asked.clear();
  }
}

const openClaim: ConditionInput = {
  type: 'SourceFollowed',
  status: 'Unknown',
  reason: 'Fetching',
  message: 'The repository is being asked where the branch is.',
};

function isNot(reason: ConditionInput['reason'], message: string): ConditionInput {
  return { type: 'SourceFollowed', status: 'False', reason, message };
}
