import type { DatabasePlan } from '../../../crds/database.ts';
import type { EngineDefinition, PlanSize } from './engine-definition.ts';

const sizes: Readonly<Record<DatabasePlan, PlanSize>> = {
  hobby: { cpu: '500m', memory: '256Mi', storage: '1Gi' },
  starter: { cpu: '1', memory: '512Mi', storage: '5Gi' },
  standard: { cpu: '2', memory: '2Gi', storage: '20Gi' },
  business: { cpu: '4', memory: '8Gi', storage: '100Gi' },
};

/** What a plan gives to a database of this engine. Pure. */
export function planSize(definition: EngineDefinition, plan: DatabasePlan): PlanSize {
  return { ...sizes[plan], ...definition.sizes?.[plan] };
}
