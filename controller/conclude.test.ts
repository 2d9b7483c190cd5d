import { describe, expect, it } from 'vitest';
import { findCondition, setCondition, type Condition, type ConditionInput } from '../crds/condition.ts';
import type { CommonStatus } from '../crds/define-kind.ts';
import { announceWork, concludeStatus } from './conclude.ts';
import { retry, settled, stalled, waiting, type Outcome } from './outcome.ts';

const now = new Date('2026-01-01T00:00:00Z');
const outcomes = {
  settled: settled(),
  waiting: waiting('Building', 'The image is being built.'),
  stalled: stalled('Rejected', 'The node does not exist.'),
  retry: retry('ProviderUnavailable', 'Proxmox does not answer.'),
} satisfies Record<string, Outcome>;
type Ending = keyof typeof outcomes;

function concluded(endings: readonly Ending[], begin: CommonStatus = { conditions: [] }, generation = 1): CommonStatus {
  return endings.reduce((status, ending) => concludeStatus(status, outcomes[ending], { generation, now }), begin);
}

const words = (status: CommonStatus, type: string) => {
  const condition = findCondition(status.conditions, type);
  return condition && `${condition.status} ${condition.reason}`;
};

function saying(ready: Pick<ConditionInput, 'status' | 'reason'>): CommonStatus {
  const conditions: Condition[] = setCondition(
    [],
    { type: 'Ready', message: 'Said by the loop.', ...ready },
    { generation: 1, now },
  );
  return { conditions };
}

describe('concludeStatus', () => {
  it.each<[Ending, string, string]>([
    ['settled', 'False Settled', 'False Settled'],
    ['waiting', 'True Building', 'False InProgress'],
    ['retry', 'True ProviderUnavailable', 'False InProgress'],
    ['stalled', 'False Rejected', 'True Rejected'],
  ])('says of a pass that ended %s: Reconciling %s, Stalled %s', (ending, reconciling, isStalled) => {
    const status = concluded([ending]);
    expect([words(status, 'Reconciling'), words(status, 'Stalled')]).toEqual([reconciling, isStalled]);
  });

  it.each<[Ending, number]>([
    ['settled', 5],
    ['waiting', 5],
    ['stalled', 5],
    ['retry', 4],
  ])('says which generation was answered when a pass ended %s', (ending, observed) => {
    const status = concluded([ending], { conditions: [], observedGeneration: 4 }, 5);
    expect(status.observedGeneration).toBe(observed);
    expect(findCondition(status.conditions, 'Reconciling')?.observedGeneration).toBe(5);
  });

  it.each<[Ending[], string]>([
    [['waiting'], 'Unknown Building'],
    [['retry'], 'Unknown ProviderUnavailable'],
    [['waiting', 'retry'], 'Unknown ProviderUnavailable'],
    [['waiting', 'settled'], 'True Settled'],
    [['settled', 'retry'], 'True Settled'],
    [['stalled'], 'False Rejected'],
    [['settled', 'stalled'], 'False Rejected'],
    [['waiting', 'stalled'], 'False Rejected'],
    [['stalled', 'settled'], 'True Settled'],
    [['stalled', 'waiting', 'settled', 'stalled'], 'False Rejected'],
  ])('says Ready for a kind whose loop does not, after %j: %s', (endings, ready) => {
    expect(words(concluded(endings), 'Ready')).toBe(ready);
  });

  it.each<[Ending, Pick<ConditionInput, 'status' | 'reason'>, string]>([
    ['settled', { status: 'True', reason: 'Healthy' }, 'True Healthy'],
    ['stalled', { status: 'True', reason: 'Healthy' }, 'True Healthy'],
    ['settled', { status: 'False', reason: 'Stopped' }, 'False Stopped'],
    ['waiting', { status: 'False', reason: 'Stopped' }, 'False Stopped'],
    ['stalled', { status: 'False', reason: 'Stopped' }, 'False Stopped'],
    ['retry', { status: 'Unknown', reason: 'NodeOffline' }, 'Unknown NodeOffline'],
    ['settled', { status: 'Unknown', reason: 'NodeOffline' }, 'Unknown NodeOffline'],
    ['stalled', { status: 'Unknown', reason: 'NodeOffline' }, 'False Rejected'],
  ])('when a pass ended %s and the loop says Ready %j leaves %s', (ending, said, ready) => {
    expect(words(concluded([ending], saying(said)), 'Ready')).toBe(ready);
  });

  it('leaves a loop its False even when it says so in the words of its outcome', () => {
    const message = 'The image is being built.';
    const said = { type: 'Ready', status: 'False', reason: 'Building', message } as const;
    const first = concluded(['waiting'], { conditions: setCondition([], said, { generation: 1, now }) });
    expect(words(concluded(['waiting'], first), 'Ready')).toBe('False Building');
  });

  it('changes nothing when nothing has changed, however much time went by', () => {
    const once = concluded(['retry']);
    const later = concludeStatus(once, outcomes.retry, { generation: 1, now: new Date(now.getTime() + 60_000) });
    expect(later).toEqual(once);
  });

  it('keeps what else the status says', () => {
    const status = { conditions: [], vmid: 104 };
    expect(concludeStatus(status, outcomes.settled, { generation: 1, now }).vmid).toBe(104);
  });
});

describe('announceWork', () => {
  it('says of what is not ready that it is worked on, as the end of a pass that waits for it does', () => {
    const begin = saying({ status: 'False', reason: 'Building' });
    const announced = announceWork(begin, { generation: 1, now });
    const outcome = waiting('Building', 'Said by the loop.');
    expect(announced.conditions).toEqual(concludeStatus(begin, outcome, { generation: 1, now }).conditions);
  });

  it('leaves what is ready, or of what nothing is known, as it is', () => {
    for (const status of ['True', 'Unknown'] as const) {
      const begin = saying({ status, reason: 'Building' });
      expect(announceWork(begin, { generation: 1, now })).toBe(begin);
    }
  });
});
