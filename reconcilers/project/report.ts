import { setCondition, type ConditionInput } from '../../crds/condition.ts';
import type { Guest } from '../../crds/guest.ts';
import type { Project } from '../../crds/project.ts';
import { cpuCores, quantityBytes } from '../../crds/quantity.ts';

type Usage = NonNullable<Project['status']['usage']>;

/** What the guests of a project are promised. Pure. */
export function usageOf(services: number, guests: readonly Guest[]): Usage {
  const usage: Usage = { services, guests: guests.length, cpu: 0, memoryBytes: 0, storageBytes: 0 };
  for (const { spec } of guests) {
    usage.cpu += cpuCores(spec.resources.cpu);
    usage.memoryBytes += quantityBytes(spec.resources.memory);
    usage.storageBytes += quantityBytes(spec.resources.storage);
  }
  return { ...usage, cpu: Math.round(usage.cpu * 1000) / 1000 };
}

/** The status of a project by what it uses. Pure. */
export function reportProject(project: Project, status: Project['status'], usage: Usage, now: Date): Project['status'] {
  const over = overQuota(project.spec.quota, usage);
  const inputs: ConditionInput[] = [
    {
      type: 'NamespaceReady',
      status: 'True',
      reason: 'NamespaceCreated',
      message: 'The namespace of the project exists.',
    },
    over === undefined
      ? { type: 'QuotaOK', status: 'True', reason: 'QuotaWithin', message: 'The project uses no more than its quota.' }
      : { type: 'QuotaOK', status: 'False', reason: 'QuotaExceeded', message: over },
    over === undefined
      ? { type: 'Ready', status: 'True', reason: 'NamespaceCreated', message: 'The project is ready.' }
      : { type: 'Ready', status: 'False', reason: 'QuotaExceeded', message: over },
  ];
  let { conditions } = status;
  for (const input of inputs)
    conditions = setCondition(conditions, input, { generation: project.metadata.generation, now });
  return { ...status, usage, conditions };
}

function overQuota(quota: Project['spec']['quota'], usage: Usage): string | undefined {
  const over: string[] = [];
  if (quota.cpu !== undefined && usage.cpu > cpuCores(quota.cpu)) over.push(`cpu ${usage.cpu} of ${quota.cpu}`);
  if (quota.memory !== undefined && usage.memoryBytes > quantityBytes(quota.memory))
    over.push(`memory beyond ${quota.memory}`);
  if (quota.storage !== undefined && usage.storageBytes > quantityBytes(quota.storage))
    over.push(`storage beyond ${quota.storage}`);
  if (quota.guests !== undefined && usage.guests > quota.guests) over.push(`${usage.guests} guests of ${quota.guests}`);
  return over.length === 0
    ? undefined
    : `The project uses more than its quota: ${over.join(', ')}. Raise spec.quota or remove something.`;
}
