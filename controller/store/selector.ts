import { Fault } from '../errors.ts';

/** One demand on labels: all demands of a selector must hold. */
export interface LabelDemand {
  key: string;
  operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
  values: readonly string[];
}
export type LabelSelector = readonly LabelDemand[];

/** One demand on a field, by its path such as `metadata.name` or `status.phase`. */
export interface FieldDemand {
  path: string;
  operator: '=' | '!=';
  value: string;
}
export type FieldSelector = readonly FieldDemand[];

const labelKey = /^([a-z0-9]([a-z0-9.-]*[a-z0-9])?\/)?[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?$/;
const labelValue = /^([A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?)?$/;

/** Reads kubectl's label selectors: `a=b,c!=d,e in (f,g),h notin (i),j,!k`. Invalid for anything else. */
export function parseLabelSelector(text: string): LabelSelector {
  return splitOutsideParentheses(text).map((part) => {
    const set = /^(\S+)\s+(in|notin)\s+\(([^()]*)\)$/.exec(part);
    if (set) {
      const [, key = '', operator, list = ''] = set;
      const values = list.split(',').map((value) => value.trim());
      return checked({ key, operator: operator === 'in' ? 'In' : 'NotIn', values }, part);
    }
    const equality = /^([^\s=!]+)\s*(==|=|!=)\s*(\S*)$/.exec(part);
    if (equality) {
      const [, key = '', operator, value = ''] = equality;
      return checked({ key, operator: operator === '!=' ? 'NotIn' : 'In', values: [value] }, part);
    }
    if (part.startsWith('!')) return checked({ key: part.slice(1).trim(), operator: 'DoesNotExist', values: [] }, part);
    return checked({ key: part, operator: 'Exists', values: [] }, part);
  });
}

function checked(demand: LabelDemand, part: string): LabelDemand {
  if (!labelKey.test(demand.key) || demand.values.some((value) => !labelValue.test(value))) {
    throw new Fault('Invalid', `The label selector "${part}" is not of the form key=value, key in (a,b), key or !key.`);
  }
  return demand;
}

function splitOutsideParentheses(text: string): string[] {
  return text
    .split(/,(?![^(]*\))/)
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

/** Reads field selectors: `metadata.name=web,status.phase!=Failed`. Invalid for anything else. */
export function parseFieldSelector(text: string): FieldSelector {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map((part) => {
      const match = /^([A-Za-z][A-Za-z0-9_.]*)\s*(==|=|!=)\s*(.*)$/.exec(part);
      if (!match) throw new Fault('Invalid', `The field selector "${part}" is not of the form path=value.`);
      const [, path = '', operator, value = ''] = match;
      return { path, operator: operator === '!=' ? '!=' : '=', value };
    });
}

export function matchesLabels(labels: Readonly<Record<string, string>> | undefined, selector: LabelSelector): boolean {
  return selector.every(({ key, operator, values }) => {
    const value = labels?.[key];
    switch (operator) {
      case 'In':
        return value !== undefined && values.includes(value);
      case 'NotIn':
        return value === undefined || !values.includes(value);
      case 'Exists':
        return value !== undefined;
      case 'DoesNotExist':
        return value === undefined;
      default:
        return operator satisfies never;
    }
  });
}

export function matchesFields(object: object, selector: FieldSelector): boolean {
  return selector.every(({ path, operator, value }) => (fieldText(object, path) === value) === (operator === '='));
}

function fieldText(object: object, path: string): string {
  let current: unknown = object;
  for (const step of path.split('.')) {
    if (typeof current !== 'object' || current === null || !Object.hasOwn(current, step)) return '';
    current = Reflect.get(current, step);
  }
  return typeof current === 'object' ? '' : String(current ?? '');
}
