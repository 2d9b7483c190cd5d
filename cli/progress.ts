import { conditionOf, shownName, type ApiObject } from './objects.ts';
import { plainLine } from './text.ts';

/** Tells on standard error how objects come along, when a person is watching; undefined otherwise. */
export function createProgress(): ((object: ApiObject) => void) | undefined {
  if (!process.stderr.isTTY) return undefined;
  const told = new Map<string, string>();
  return (object) => {
    const reconciling = conditionOf(object, 'Reconciling');
    const condition = reconciling?.status === 'True' ? reconciling : conditionOf(object, 'Ready');
    const name = shownName(object);
    if (!condition || told.get(name) === condition.message) return;
    told.set(name, condition.message);
    process.stderr.write(`${name}: ${plainLine(condition.message)}\n`);
  };
}
